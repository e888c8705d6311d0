import { connect, type JetStreamManager } from "nats";

/** Does to a server what an operator may do, with a client of its own that is not the product's. */
export async function withNatsManager(
  url: string,
  use: (manager: JetStreamManager) => Promise<void>,
): Promise<void> {
  const connection = await connect({ servers: url });
  try {
    await use(await connection.jetstreamManager());
  } finally {
    await connection.close();
  }
}
