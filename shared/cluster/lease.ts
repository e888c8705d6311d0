import type { Bus, KeyValue } from "../bus/bus.ts";
import { type Clock, sleep } from "../bus/clock.ts";
import { RevisionConflict } from "../bus/errors.ts";
import { StillhouseError } from "../errors.ts";
import { decode, encode } from "../protocol/codec.ts";
import { LeaseRecord } from "../protocol/run.ts";
import { buckets, PRESENCE_RENEW_MS, PRESENCE_TTL_MS } from "../protocol/subjects.ts";

/** The lease went to somebody else, or could not be renewed in time: its holder must stop. */
export class LeaseLost extends StillhouseError {}

export interface Lease {
  /** The revision at which the lease was first created: it grows from holder to holder. */
  readonly fence: number;
  /** Aborts, with a LeaseLost, when the lease is lost. */
  readonly signal: AbortSignal;
  /** Gives the lease back, so that the next holder need not wait for it to expire. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  /** Told once of each other holder that is waited for. */
  readonly onWait?: (holder: string) => void;
  /**
   * Of work that two may do at once without harm, as a training that gives the same bits anywhere: a lease that could not
   * be renewed in time, as by a server that stalls, is taken again, and is lost only once somebody else has it.
   */
  readonly mayLapse?: boolean;
}

/**
 * Takes the lease on `key`, waiting while somebody else holds it, and renews it each second until it is released.
 * @returns undefined when `signal` aborted first
 */
export async function takeLease(
  bus: Bus,
  key: string,
  holder: string,
  clock: Clock,
  signal: AbortSignal,
  { onWait, mayLapse = false }: LeaseOptions = {},
): Promise<Lease | undefined> {
  const kv = await bus.kv(buckets.leases, { ttlMs: PRESENCE_TTL_MS });
  let waitedFor = "";
  while (!signal.aborted) {
    try {
      const fence = await kv.create(key, encode(LeaseRecord, { type: "lease", holder, fence: 0 }));
      return hold(kv, key, holder, fence, clock, mayLapse);
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
    }
    const current = await kv.get(key);
    if (current) {
      const other = decode(LeaseRecord, current.value, `lease ${key}`).holder;
      if (other !== waitedFor) onWait?.(other);
      waitedFor = other;
    }
    await sleep(clock, PRESENCE_RENEW_MS / 2, signal);
  }
  return undefined;
}

function hold(
  kv: KeyValue,
  key: string,
  holder: string,
  fence: number,
  clock: Clock,
  mayLapse: boolean,
): Lease {
  const lost = new AbortController();
  const released = new AbortController();
  const value = encode(LeaseRecord, { type: "lease", holder, fence });

  const lose = (why: string, cause?: unknown): void =>
    lost.abort(
      new LeaseLost(`Cannot go on as ${holder} as the lease on ${key} is lost: ${why}`, {
        cause,
        retry: true,
      }),
    );
  // A renewal may wait long for a server that is away; by then the lease has gone.
  const watch = (): (() => void) =>
    mayLapse
      ? () => undefined
      : clock.after(PRESENCE_TTL_MS, () => lose(`it could not be renewed for ${PRESENCE_TTL_MS} ms`));
  // What has expired cannot be updated, and is anybody's.
  const renew = async (): Promise<number> => {
    try {
      return await kv.update(key, value, revision);
    } catch (error) {
      if (!mayLapse || !(error instanceof RevisionConflict)) throw error;
      return kv.create(key, value);
    }
  };
  let revision = fence;
  let unwatch = watch();
  const renewing = (async () => {
    while (!released.signal.aborted && !lost.signal.aborted) {
      await sleep(clock, PRESENCE_RENEW_MS, released.signal);
      if (released.signal.aborted || lost.signal.aborted) return;
      try {
        revision = await renew();
        unwatch();
        unwatch = watch();
      } catch (error) {
        if (error instanceof RevisionConflict) lose("somebody else holds it", error);
      }
    }
  })();

  return {
    fence,
    signal: lost.signal,
    async release() {
      if (released.signal.aborted) return;
      released.abort();
      await renewing;
      unwatch();
      if (lost.signal.aborted) return;
      try {
        // A lease that went to somebody else while nobody looked is not ours to delete.
        await kv.update(key, value, revision);
      } catch (error) {
        if (error instanceof RevisionConflict) return;
        throw error;
      }
      await kv.delete(key);
    },
  };
}
