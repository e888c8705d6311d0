import type { Bus } from "../bus/bus.ts";
import { decode } from "../protocol/codec.ts";
import { type JobKey, JobResult, jobName } from "../protocol/jobs.ts";
import { buckets, jobKeys } from "../protocol/subjects.ts";

/** What a finished training said of itself; undefined: it has not finished. */
export async function readResult(bus: Bus, run: string, job: JobKey): Promise<JobResult | undefined> {
  const key = jobKeys.result(run, jobName(job));
  const entry = await (await bus.kv(buckets.jobs)).get(key);
  return entry && decode(JobResult, entry.value, `job result ${key}`);
}

/** Whether a training need not be done: a result whose model is gone is none. */
export async function isFinished(bus: Bus, run: string, job: JobKey): Promise<boolean> {
  const result = await readResult(bus, run, job);
  return result !== undefined && (await modelOf(bus, result)) !== undefined;
}

async function modelOf(bus: Bus, { artifact }: JobResult): Promise<Uint8Array | undefined> {
  return (await bus.objects(buckets.weights)).get(artifact);
}
