import type { Bus } from "../shared/bus/bus.ts";
import type { RunSpec } from "../shared/config/spec.ts";
import type { Task } from "../shared/config/tasks.ts";
import type { StudentTeacherSpec } from "../shared/config/teacherSpec.ts";
import { sha256 } from "../shared/determinism/hash.ts";
import { StillhouseError } from "../shared/errors.ts";
import { decode } from "../shared/protocol/codec.ts";
import { type JobKey, JobResult, jobName, studentJob } from "../shared/protocol/jobs.ts";
import { ownMapping, RunRecord, type RunTeacher } from "../shared/protocol/run.ts";
import { buckets, jobKeys } from "../shared/protocol/subjects.ts";
import { type CarriedLabels, readyTeacher } from "./readyTeacher.ts";

/** A spec takes its teacher from a run that this store does not have, or that has not trained it. */
export class NoSuchStudent extends StillhouseError {}

/**
 * A teacher that is a student of an earlier run (born-again networks, Furlanello et al. 2018): its model is in the store
 * under its digest, and its identity is that of the model.
 * @param carried by its labels
 * @throws NoSuchStudent
 */
export async function studentTeacher(
  bus: Bus,
  { spec: { data } }: { readonly spec: Pick<RunSpec, "data"> },
  spec: StudentTeacherSpec,
  planned: RunTeacher,
  carried: CarriedLabels,
): Promise<RunTeacher> {
  const { run, name, seed, baseline } = spec.student;
  const job: JobKey = { ...studentJob(name, seed), kind: baseline ? "baseline" : "student" };
  const entry = await (await bus.kv(buckets.jobs)).get(jobKeys.result(run, jobName(job)));
  if (!entry) throw await notThere(bus, spec, job);
  await requireSameTask(bus, spec, job, data.task);
  const { artifact, parameters } = decode(JobResult, entry.value, `job result ${jobName(job)} of ${run}`);
  const bytes = await (await bus.objects(buckets.weights)).get(artifact);
  if (!bytes || sha256(bytes) !== artifact) {
    throw new NoSuchStudent(
      `Cannot use ${jobName(job)} of run ${run} as teacher "${spec.name}": its model ${artifact} is ${bytes ? "damaged" : "not in the object store"}; start that run again`,
      { fields: { run, job: jobName(job), artifact } },
    );
  }
  const { features, quantise } = spec;
  const mapping = { ...ownMapping, ...(features && { features }), ...(quantise && { quantise }) };
  return readyTeacher(planned, carried, {
    model: { artifact, format: "stillhouse", mapping },
    parameters,
    bytes: bytes.byteLength,
  });
}

/** What it gives means nothing in another task. Where the store has forgotten its run, nobody knows. */
async function requireSameTask(
  bus: Bus,
  { name, student: { run } }: StudentTeacherSpec,
  job: JobKey,
  task: Task = "classification",
): Promise<void> {
  const entry = await (await bus.kv(buckets.runs)).get(run);
  if (!entry) return;
  const { task: learnt = "classification" } = decode(RunRecord, entry.value, run).spec.data;
  if (learnt === task) return;
  throw new NoSuchStudent(
    `Cannot use ${jobName(job)} of run ${run} as teacher "${name}": it has learnt "${learnt}", and data.task is "${task}"; name a student of that task`,
    { fields: { run, job: jobName(job), learnt, task } },
  );
}

/** The error says what there is instead: the jobs of that run, or the runs of the store. */
async function notThere(bus: Bus, { name, student: { run } }: StudentTeacherSpec, job: JobKey) {
  const results = await (await bus.kv(buckets.jobs)).keys(jobKeys.results(run));
  const runs = await (await bus.kv(buckets.runs)).keys("*");
  const why =
    results.length > 0
      ? `it has trained [${results.map((key) => key.split(".").at(-1)).join(", ")}]`
      : runs.includes(run)
        ? "that run has not trained it yet; wait for its end"
        : `this store has no such run, but [${runs.join(", ")}]; name one of these, or use the store of that run`;
  return new NoSuchStudent(`Cannot use ${jobName(job)} of run ${run} as teacher "${name}": ${why}`, {
    fields: { run, job: jobName(job), trained: results, runs },
  });
}
