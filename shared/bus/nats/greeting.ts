import { connect } from "node:net";

/**
 * Waits for the greeting of a NATS server at one of the addresses, and hangs up. It comes before the library's own
 * connecting, which leaves the socket open when a server accepts and stays silent, and cannot be interrupted.
 * @returns undefined when a server greeted, else why the last one did not
 */
export async function awaitGreeting(
  servers: readonly string[],
  waitMs: number,
  signal?: AbortSignal,
): Promise<string | undefined> {
  let why = "no server was named";
  for (const server of servers) {
    const outcome = await greet(server, waitMs, signal);
    if (outcome === undefined) return undefined;
    why = outcome;
  }
  return why;
}

function greet(server: string, waitMs: number, signal?: AbortSignal): Promise<string | undefined> {
  const { hostname, port } = new URL(`nats://${server}`);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
    const end = (outcome: string | undefined): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      socket.destroy();
      resolve(outcome);
    };
    const stop = (): void => end("connecting was given up");
    const timer = setTimeout(() => end(`no greeting came within ${waitMs} ms`), waitMs);
    signal?.addEventListener("abort", stop, { once: true });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      end(error.code === "ECONNREFUSED" ? "nothing listens there" : error.message);
    });
    socket.on("close", () => end("it hung up without a greeting"));
    socket.once("data", (bytes) => {
      const said = bytes.toString("latin1", 0, 60);
      end(
        said.startsWith("INFO ")
          ? undefined
          : `what listens there is no NATS server, it said ${JSON.stringify(said)}`,
      );
    });
  });
}
