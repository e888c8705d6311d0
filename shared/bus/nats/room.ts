import { type JetStreamManager, RetentionPolicy } from "nats";
import { BusFull } from "../errors.ts";
import { isFull, isNotFound, serverCode, serverCodeOf } from "./errors.ts";
import type { Link } from "./link.ts";
import { persist } from "./retry.ts";
import { streamConfig } from "./stream.ts";
import type { WriteOnceStream } from "./writeOnceStream.ts";

/** One name for all, so that what a process that died left behind is removed by the next. */
const PROBE = "STILLHOUSE_ROOM";
const PROBE_SUBJECT = "stillhouse.room";

/**
 * Whether a stream could take so many bytes more: by its own limit, by that of the account, and by that of the server,
 * which it tells nobody; but it refuses a stream that asks for more than it has.
 * @throws BusFull
 */
export async function requireRoom({ link, name }: WriteOnceStream, bytes: number): Promise<void> {
  const { address } = link.options;
  const { config, state, account } = await persist(link, `ask how much room ${name} has`, async () => {
    const { config, state } = await link.jsm.streams.info(name);
    return { config, state, account: await link.jsm.getAccountInfo() };
  });
  if (config.max_bytes > 0 && state.bytes + bytes > config.max_bytes) {
    throw tooLittle(
      link,
      bytes,
      config.max_bytes - state.bytes,
      `max_bytes of the stream ${name} is ${config.max_bytes}`,
    );
  }
  const { max_storage: most } = account.limits;
  if (most > 0 && account.storage + bytes > most) {
    throw tooLittle(link, bytes, most - account.storage, `the account's storage at ${address} is ${most}`);
  }
  // A stream with a limit of its own has reserved it.
  if (config.max_bytes > 0) return;
  await persist(link, `ask the server at ${address} for room`, async () => {
    try {
      await probe(link.jsm, account.storage + bytes, config.num_replicas);
    } catch (error) {
      if (!isFull(error)) throw error;
      throw tooLittle(
        link,
        bytes,
        undefined,
        `the server at ${address} refuses to hold ${account.storage + bytes}`,
      );
    }
  });
}

async function probe(jsm: JetStreamManager, bytes: number, replicas: number): Promise<void> {
  const remove = async (): Promise<void> => {
    try {
      await jsm.streams.delete(PROBE);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
  await remove();
  try {
    await jsm.streams.add(
      streamConfig(PROBE, [PROBE_SUBJECT], {
        retention: RetentionPolicy.Limits,
        max_bytes: bytes,
        num_replicas: replicas,
      }),
    );
  } catch (error) {
    // Another coordinator asks at the same moment, with a number of its own, and removes it. That one is told.
    if (serverCodeOf(error) === serverCode.streamNameInUse) return;
    throw error;
  }
  await remove();
}

function tooLittle(link: Link, bytes: number, left: number | undefined, why: string): BusFull {
  const have = left === undefined ? "" : `, and ${Math.max(0, left)} are left`;
  return new BusFull(
    `Cannot take ${bytes} bytes of labels as ${why}${have}: prune labels (\`stillhouse labels prune\`), give JetStream more (max_file_store, or the limit of account or stream), or choose a smaller encoding`,
    { fields: { address: link.options.address, bytes, left }, retry: true },
  );
}
