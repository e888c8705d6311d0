import type { Bus } from "../shared/bus/bus.ts";
import { StillhouseError } from "../shared/errors.ts";
import { decode } from "../shared/protocol/codec.ts";
import { type JobKey, JobResult, jobName } from "../shared/protocol/jobs.ts";
import { buckets, jobKeys } from "../shared/protocol/subjects.ts";
import type { StoredModel } from "./compute.ts";

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

/** The model of a finished training. @throws StillhouseError where there is none */
export async function loadModel(bus: Bus, run: string, job: JobKey): Promise<StoredModel> {
  const result = await readResult(bus, run, job);
  const artifact = result && (await modelOf(bus, result));
  const exits = result?.exits && (await (await bus.objects(buckets.weights)).get(result.exits));
  if (artifact && (exits || !result.exits)) return { artifact, ...(exits && { exits }) };
  throw new StillhouseError(
    `Cannot evaluate ${jobName(job)} of run ${run}: its ${artifact ? "early exits are" : "model is"} not stored`,
  );
}

async function modelOf(bus: Bus, { artifact }: JobResult): Promise<Uint8Array | undefined> {
  return (await bus.objects(buckets.weights)).get(artifact);
}
