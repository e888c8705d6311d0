import type { Bus } from "../bus/bus.ts";
import { inBatches } from "../bus/inBatches.ts";
import { decode } from "../protocol/codec.ts";
import { RunRecord } from "../protocol/run.ts";
import { buckets } from "../protocol/subjects.ts";

/** The records of all runs but one. @throws MalformedMessage for one that cannot be read, which may need anything */
export async function otherRuns(bus: Bus, run: string): Promise<RunRecord[]> {
  const runs = await bus.kv(buckets.runs);
  const keys = (await runs.keys("*")).filter((key) => key !== run);
  const records = await inBatches(keys, async (key) => {
    const entry = await runs.get(key);
    return entry && decode(RunRecord, entry.value, `run record ${key}`);
  });
  return records.filter((record) => record !== undefined);
}
