import type { Bus } from "../bus/bus.ts";
import { inBatches } from "../bus/inBatches.ts";
import { decode } from "../protocol/codec.ts";
import { CheckpointPointer, jobName, jobsOf } from "../protocol/jobs.ts";
import type { RunRecord } from "../protocol/run.ts";
import { buckets, jobKeys } from "../protocol/subjects.ts";
import { isFinished } from "./jobResults.ts";

/**
 * The first view of a run of fresh views, one an epoch, that some student may still need labels of: where the slowest
 * may go on from. Infinity where all are trained.
 * @param stepsPerEpoch as `studentSteps` has them
 * @param finished students that were found to be so before, to which others are added
 */
export async function slowestView(
  bus: Bus,
  { run, spec }: Pick<RunRecord, "run" | "spec">,
  stepsPerEpoch: ReadonlyMap<string | undefined, number>,
  finished: Set<string>,
): Promise<number> {
  const jobs = await bus.kv(buckets.jobs);
  const students = jobsOf(spec).filter(({ kind }) => kind === "student");
  const views = await inBatches(students, async (job) => {
    const name = jobName(job);
    if (finished.has(name) || (await isFinished(bus, run, job))) {
      finished.add(name);
      return Number.POSITIVE_INFINITY;
    }
    const key = jobKeys.checkpoint(run, name);
    const entry = await jobs.get(key);
    // Of the two checkpoints that are kept, the older: a damaged last one is no reason to be stuck.
    const step = entry && decode(CheckpointPointer, entry.value, `checkpoint ${key}`).previousStep;
    return Math.floor((step ?? 0) / (stepsPerEpoch.get(job.student) as number));
  });
  return Math.min(...views);
}
