import type { Bus } from "../bus/bus.ts";
import { inBatches } from "../bus/inBatches.ts";
import { StillhouseError } from "../errors.ts";
import { decode } from "../protocol/codec.ts";
import { RunRecord } from "../protocol/run.ts";
import { buckets } from "../protocol/subjects.ts";

/** The server knows no such run. */
export class UnknownRun extends StillhouseError {}

/** @throws UnknownRun, which names those that there are; MalformedMessage */
export async function readRun(bus: Bus, run: string): Promise<RunRecord> {
  const runs = await bus.kv(buckets.runs);
  const entry = await runs.get(run);
  if (entry) return decode(RunRecord, entry.value, `run record ${run}`);
  const known = (await runs.keys(">")).sort();
  throw new UnknownRun(
    `Cannot find run "${run}": ${bus.address} knows the runs [${known.join(", ")}]; give one of them, or the folder that was its --out, and the --store or --nats of that run`,
    { fields: { run, known } },
  );
}

/**
 * The records of all runs.
 * @param except of one
 * @throws MalformedMessage for one that cannot be read, which may need anything
 */
export async function readRuns(bus: Bus, except?: string): Promise<RunRecord[]> {
  const runs = await bus.kv(buckets.runs);
  const keys = (await runs.keys(">")).filter((key) => key !== except);
  const records = await inBatches(keys, async (key) => {
    const entry = await runs.get(key);
    return entry && decode(RunRecord, entry.value, `run record ${key}`);
  });
  return records.filter((record) => record !== undefined);
}
