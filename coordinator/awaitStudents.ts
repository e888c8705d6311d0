import { StillhouseError } from "../shared/errors.ts";
import { decode } from "../shared/protocol/codec.ts";
import { AnyEvaluation, EvaluationPointer, JobResult, jobName, jobsOf } from "../shared/protocol/jobs.ts";
import { buckets, jobKeys } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";

/** Resolves when every training of the run has its result, or when `signal` aborts. */
export async function awaitResults({ bus, store }: CoordinatorContext, signal: AbortSignal): Promise<void> {
  const { run, spec } = store.record;
  const missing = new Set(jobsOf(spec).map((job) => jobKeys.result(run, jobName(job))));
  const jobs = await bus.kv(buckets.jobs);
  for await (const { key, value } of jobs.watch(jobKeys.results(run), signal)) {
    if (value) missing.delete(key);
    if (missing.size === 0) return;
  }
}

/** What the student node found on the test split. @throws when `signal` aborts first */
export async function awaitEvaluation(
  { bus, store }: CoordinatorContext,
  signal: AbortSignal,
): Promise<AnyEvaluation> {
  const key = jobKeys.evaluation(store.record.run);
  const jobs = await bus.kv(buckets.jobs);
  for await (const { value } of jobs.watch(key, signal)) {
    if (!value) continue;
    const { object } = decode(EvaluationPointer, value, `pointer to evaluation ${key}`);
    const bytes = await (await bus.objects(buckets.evaluations)).get(object);
    if (!bytes) throw new StillhouseError(`Cannot read evaluation ${key}: object ${object} is gone`);
    return decode(AnyEvaluation, bytes, `evaluation ${key}`);
  }
  throw signal.reason;
}

/** The results of all trainings, by their names. */
export async function readResults({ bus, store }: CoordinatorContext): Promise<Map<string, JobResult>> {
  const { run, spec } = store.record;
  const jobs = await bus.kv(buckets.jobs);
  const results = new Map<string, JobResult>();
  for (const job of jobsOf(spec).map(jobName)) {
    const entry = await jobs.get(jobKeys.result(run, job));
    if (entry) results.set(job, decode(JobResult, entry.value, `job result ${job} of ${run}`));
  }
  return results;
}
