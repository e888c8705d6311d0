import type { Bus } from "../bus/bus.ts";
import { type Clock, sleep } from "../bus/clock.ts";
import { decode } from "../protocol/codec.ts";
import { isWorkingState, RunRecord } from "../protocol/run.ts";
import { buckets, PRESENCE_RENEW_MS, PRESENCE_TTL_MS } from "../protocol/subjects.ts";

/** The lease of a run's coordinator. */
export function coordinatorLease(run: string): string {
  return `coordinator.${run}`;
}

/** A run whose coordinator was not seen for this long is left alone: longer than a standby needs to take over. */
const GRACE_MS = 15_000;

export interface FollowRunsOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** `wanted`: the run is in a working state and has a coordinator, so that its teachers are to be served and its students trained. */
  onRun(record: RunRecord, wanted: boolean): void;
  /** A record that does not parse, as one of another version. */
  onBad(error: unknown): void;
}

/**
 * Tells of each run that the bus knows, of each change of its record, and of its becoming wanted or not, until
 * `signal` aborts. A run that was stopped keeps its state, but has no coordinator: nobody works on it until somebody
 * goes on with it.
 */
export async function followRuns({ bus, clock, signal, onRun, onBad }: FollowRunsOptions): Promise<void> {
  const runs = await bus.kv(buckets.runs);
  const leases = await bus.kv(buckets.leases, { ttlMs: PRESENCE_TTL_MS });
  const records = new Map<string, RunRecord>();
  const wanted = new Map<string, boolean>();
  const attendedAt = new Map<string, number>();

  const isWanted = ({ run, state }: RunRecord): boolean =>
    isWorkingState(state) && clock.now() - (attendedAt.get(run) ?? Number.NEGATIVE_INFINITY) < GRACE_MS;
  const tell = (record: RunRecord): void => {
    records.set(record.run, record);
    wanted.set(record.run, isWanted(record));
    onRun(record, isWanted(record));
  };
  const poll = async (): Promise<void> => {
    while (!signal.aborted) {
      for (const key of await leases.keys(coordinatorLease("*"))) {
        attendedAt.set(key.slice(coordinatorLease("").length), clock.now());
      }
      for (const record of records.values()) if (isWanted(record) !== wanted.get(record.run)) tell(record);
      await sleep(clock, PRESENCE_RENEW_MS, signal);
    }
  };
  const watch = async (): Promise<void> => {
    for await (const { key, value } of runs.watch(">", signal)) {
      if (value === undefined) continue;
      try {
        const record = decode(RunRecord, value, `run record ${key}`);
        if (!attendedAt.has(key) && (await leases.get(coordinatorLease(key))))
          attendedAt.set(key, clock.now());
        tell(record);
      } catch (error) {
        onBad(error);
      }
    }
  };
  await Promise.all([poll(), watch()]);
}
