import type { MemoryHub } from "../../shared/bus/memory/hub.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { studentOf } from "../../shared/config/students.ts";
import { sha256 } from "../../shared/determinism/hash.ts";
import { Report } from "../../shared/evaluate/reportSchema.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { JobResult, jobName, jobsOf, TrainedTeacher } from "../../shared/protocol/jobs.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { buckets, jobKeys, streams } from "../../shared/protocol/subjects.ts";
import { unpackLineage } from "./lineage.ts";
import { Violation } from "./watch.ts";

/** What a run leaves in the stores that its spec alone decides. */
export interface FinalState {
  /** Of each training of a student, the hash of its weights. */
  readonly weights: ReadonlyMap<string, string>;
  /** Of each training of a teacher, by its recipe. */
  readonly teachers: ReadonlyMap<string, string>;
  /** By subject, the digest of the numbers that were said. */
  readonly labels: ReadonlyMap<string, string>;
  /** What the report says of teachers and students on the test split. */
  readonly tested: string;
}

/**
 * Reads what a run left, and checks the lineage of each student.
 * @param samples of the training split
 * @throws Violation
 */
export function readFinalState(hub: MemoryHub, spec: RunSpec, run: string, samples: number): FinalState {
  const jobs = hub.buckets.get(buckets.jobs)?.stream;
  const weights = new Map<string, string>();
  for (const job of jobsOf(spec)) {
    const name = jobName(job);
    const stored = jobs?.last(jobKeys.result(run, name));
    if (!stored) throw new Violation(`there is no result of ${name}`);
    const result = decode(JobResult, stored.data, name);
    requireLineage(hub, result, studentOf(spec, job.student).student.train.epochs * samples);
    weights.set(name, result.weightsHash);
  }
  const recipes = hub.buckets.get(buckets.recipes)?.stream.select(() => true) ?? [];
  const labels = hub.logs.get(streams.labels.name)?.stream.select(() => true) ?? [];
  const report = jobs?.last(jobKeys.report(run));
  if (!report) throw new Violation("there is no report");
  const { teachers, seeds, moreStudents = [] } = decode(Report, report.data, "report");
  return {
    weights,
    teachers: new Map(
      recipes.map(({ subject, data }) => [subject, decode(TrainedTeacher, data, subject).weightsHash]),
    ),
    labels: new Map(
      labels.map(({ subject, data }) => [subject, sha256(decode(Labels, data, subject).payload)]),
    ),
    tested: JSON.stringify([
      teachers.map(({ name, accuracy, nll, quality }) => ({ name, accuracy, nll, quality })),
      [seeds, ...moreStudents.map((one) => one.seeds)].map((of) =>
        of.map(({ student, baseline }) => [student.nll, baseline?.nll]),
      ),
    ]),
  };
}

/** Every sample of every epoch once, by what the final artifact itself says, and attempts that go forward. */
function requireLineage(
  hub: MemoryHub,
  { job, artifact, lineage, steps }: JobResult,
  expected: number,
): void {
  const name = jobName(job);
  const blob = hub.objectBuckets.get(buckets.weights)?.get(artifact);
  if (!blob) throw new Violation(`the weights of ${name} are not in the store`);
  const { seen, step } = unpackLineage(blob.data);
  const wrong = seen.findIndex((times) => times !== 1);
  if (seen.length !== expected || wrong >= 0) {
    const what = wrong < 0 ? "" : `: sample ${wrong} of all epochs was seen ${seen[wrong]} times`;
    throw new Violation(`the weights of ${name} come of ${seen.length} samples, expected ${expected}${what}`);
  }
  if (step !== steps)
    throw new Violation(`the weights of ${name} are of step ${step}, its result says ${steps}`);
  if (lineage[0]?.fromStep !== 0) throw new Violation(`the lineage of ${name} does not start at step 0`);
}

/**
 * Holds what a run left against what a calm one did.
 * @param lostLabels messages were taken from the log, of which some may have had no reader any more
 * @throws Violation
 */
export function requireSame(seen: FinalState, calm: FinalState, lostLabels: boolean): void {
  requireSameEntries("weights", seen.weights, calm.weights, false);
  requireSameEntries("teachers", seen.teachers, calm.teachers, false);
  requireSameEntries("labels", seen.labels, calm.labels, lostLabels);
  if (seen.tested !== calm.tested) {
    throw new Violation(`the report says ${seen.tested}, that of the calm run ${calm.tested}`);
  }
}

function requireSameEntries(
  what: string,
  seen: ReadonlyMap<string, string>,
  calm: ReadonlyMap<string, string>,
  mayLack: boolean,
): void {
  for (const [key, value] of seen) {
    if (calm.get(key) === value) continue;
    throw new Violation(`${what}: ${key} is ${value}, in the calm run ${calm.get(key)}`);
  }
  if (seen.size < calm.size && !mayLack) {
    throw new Violation(`${what}: there are ${seen.size}, in the calm run ${calm.size}`);
  }
}
