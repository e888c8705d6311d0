import { decode } from "../protocol/codec.ts";
import { RunRecord } from "../protocol/run.ts";
import { buckets } from "../protocol/subjects.ts";
import type { Bus } from "./bus.ts";

/** The runs that the bus knows, then each change of one, until `signal` aborts. A record that does not parse goes to `onBad`. */
export async function* watchRuns(
  bus: Bus,
  signal: AbortSignal,
  onBad: (error: unknown) => void,
): AsyncGenerator<RunRecord> {
  const kv = await bus.kv(buckets.runs);
  for await (const change of kv.watch(">", signal)) {
    if (change.value === undefined) continue;
    let record: RunRecord;
    try {
      record = decode(RunRecord, change.value, `run record ${change.key}`);
    } catch (error) {
      onBad(error);
      continue;
    }
    yield record;
  }
}

/** A run that is not over: its teachers are served, its students trained. */
export function isLive(record: RunRecord): boolean {
  return record.state !== "done" && record.state !== "failed";
}
