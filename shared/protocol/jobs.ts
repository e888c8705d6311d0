import { z } from "zod";
import { runName } from "../config/runName.ts";
import type { RunSpec } from "../config/spec.ts";
import { type StudentSpecs, sameAlone, studentOf, studentsOf } from "../config/students.ts";
import {
  CorrectedBias,
  Disagreement,
  ExitAccuracy,
  LabelQuality,
  Latency,
  PeerUse,
  QuorumReport,
  TestMetrics,
} from "../evaluate/reportSchema.ts";
import { EpochPoint, MultiLabelMetrics, RegressionMetrics } from "../evaluate/taskReportSchema.ts";
import { Bytes, Digest, Hash, NodeId } from "./identifiers.ts";

/** One training of a student: with its teachers, or alone. */
export const JobKey = z.strictObject({
  kind: z.enum(["student", "baseline"]),
  /** Of one of `moreStudents` its name. */
  student: runName.optional(),
  seed: z.int().nonnegative(),
});
export type JobKey = z.infer<typeof JobKey>;

export function jobName({ kind, student, seed }: JobKey): string {
  return student === undefined ? `${kind}-${seed}` : `${kind}-${student}-${seed}`;
}

/** The trainings that a run consists of, each once: students that are the same alone have one student alone. */
export function jobsOf(spec: StudentSpecs & Pick<RunSpec, "baseline">): JobKey[] {
  const jobs = studentsOf(spec).flatMap(({ name, seeds }) =>
    seeds.flatMap((seed): JobKey[] => {
      const student = studentJob(name, seed);
      return spec.baseline ? [student, baselineOf(spec, student)] : [student];
    }),
  );
  const names = jobs.map(jobName);
  return jobs.filter((_, i) => names.indexOf(names[i] as string) === i);
}

/** The training that is a student alone: its own, or that of the first that is the same alone. */
export function baselineOf(spec: StudentSpecs, { student, seed }: JobKey): JobKey {
  const own = studentOf(spec, student);
  const first = studentsOf(spec).find((one) => one.seeds.includes(seed) && sameAlone(one, own)) ?? own;
  return keyOf("baseline", first.name, seed);
}

/** @param name one of `moreStudents`; undefined: the run's `student` */
export function studentJob(name: string | undefined, seed: number): JobKey {
  return keyOf("student", name, seed);
}

function keyOf(kind: JobKey["kind"], student: string | undefined, seed: number): JobKey {
  return { kind, ...(student !== undefined && { student }), seed };
}

/** Where a training went on, and in which process: an unbroken one has a single entry from step 0. */
export const LineageEntry = z.strictObject({ node: NodeId, fromStep: z.int().nonnegative() });
export type LineageEntry = z.infer<typeof LineageEntry>;

/** Student or teacher node -> itself, later (KV pointer to a blob in the checkpoints bucket): where to go on. The previous blob is kept too. */
export const CheckpointPointer = z.strictObject({
  type: z.literal("checkpoint"),
  /** Of this run and job alone, as two runs of one spec have checkpoints of the same content. */
  object: z.string(),
  previous: z.string().nullable(),
  /** Of the previous one; absent: there is none, or it cannot be read. */
  previousStep: z.int().nonnegative().optional(),
  step: z.int().nonnegative(),
  lineage: z.array(LineageEntry).min(1),
  /** Of training, up to here, over all attempts. */
  seconds: z.number().nonnegative(),
});
export type CheckpointPointer = z.infer<typeof CheckpointPointer>;

/**
 * Student node -> its other students (KV pointer to a blob in the peers bucket, key = run.peer.job.step): the weights of a
 * student after so many steps. The first answer stands; it goes when no student can need it any more.
 */
export const PeerWeights = z.strictObject({
  type: z.literal("peer-weights"),
  object: z.string(),
});
export type PeerWeights = z.infer<typeof PeerWeights>;

/** Student node -> coordinator (KV, key = run.result.job): a finished training. */
export const JobResult = z.strictObject({
  type: z.literal("job-result"),
  job: JobKey,
  artifact: Digest,
  artifactBytes: z.int().positive(),
  weightsHash: Digest,
  parameters: z.int().positive(),
  keptEpoch: z.int().positive(),
  steps: z.int().positive(),
  curve: z.array(EpochPoint),
  lineage: z.array(LineageEntry).min(1),
  seconds: z.number().nonnegative(),
  /** Of these, seconds spent waiting for labels and for peers' weights. */
  waitSeconds: z.number().nonnegative(),
  correctedBias: z.array(CorrectedBias).optional(),
  /** Its early exits, beside the model in the object store. */
  exits: Digest.optional(),
  peers: PeerUse.optional(),
  backend: z.string(),
});
export type JobResult = z.infer<typeof JobResult>;

/** Teacher node -> coordinator (KV, key = recipe): a trained teacher. The first answer stands. */
export const TrainedTeacher = z.strictObject({
  type: z.literal("trained-teacher"),
  recipe: Hash,
  artifact: Digest,
  artifactBytes: z.int().positive(),
  weightsHash: Digest,
  parameters: z.int().positive(),
  seconds: z.number().nonnegative(),
  curve: z.array(EpochPoint),
  backend: z.string(),
  node: NodeId,
});
export type TrainedTeacher = z.infer<typeof TrainedTeacher>;

/** Student node -> coordinator (KV, key = run.evaluation): where the `Evaluation` is. */
export const EvaluationPointer = z.strictObject({ type: z.literal("evaluation-pointer"), object: Digest });

/** What was read off the test split whatever the task, beside what a model's metrics are. */
const found = {
  /** The rule of the ensemble's numbers. */
  ensembleAnswersBy: z.string(),
  /** What each teacher's logits were divided by, and its weight. */
  scales: z.strictObject({
    temperatures: z.array(z.number().positive()),
    weights: z.array(z.number().positive()),
  }),
  /** Of each student the first seed's, after a warm-up; those of `moreStudents` by their names. */
  latencies: z.array(z.strictObject({ student: runName.optional(), latency: Latency })),
  /** What the labels of the run took in the log, payloads with their envelopes. */
  labelBytes: z.int().nonnegative(),
  labelMessages: z.int().nonnegative(),
  /** Of these, what was read more than once, as the local store had no room for it; by the node that has evaluated, since it took up the run. */
  readAgain: z.strictObject({ bytes: z.int().nonnegative(), messages: z.int().nonnegative() }),
};

/** Student node -> coordinator (object store): everything that was read off the test split, in one read. */
export const Evaluation = z.strictObject({
  type: z.literal("evaluation"),
  teachers: z.array(
    z.strictObject({
      name: z.string(),
      /** On those test samples on which it is judged; null: there are none. */
      testSamples: z.int().nonnegative(),
      metrics: TestMetrics.nullable(),
      quality: z.strictObject({ transfer: LabelQuality, validation: LabelQuality }),
    }),
  ),
  /** On those test samples that have a target; null: none has, as where there are no teachers. */
  ensemble: TestMetrics.nullable(),
  ensembleTestSamples: z.int().nonnegative(),
  /** Of a run with a quorum. */
  quorum: QuorumReport.nullable(),
  /** Of the teachers, on the validation split; null for a single one. */
  disagreement: Disagreement.nullable(),
  seeds: z.array(
    z.strictObject({
      job: JobKey,
      metrics: TestMetrics,
      /** One byte a test sample, in the order of the split: 1 where the prediction is right. */
      correct: Bytes,
      /** Of a student with early exits. */
      exits: z.array(ExitAccuracy).optional(),
    }),
  ),
  ...found,
});
export type Evaluation = z.infer<typeof Evaluation>;

/** The same of a task that is not classification. */
function evaluationOf<T extends string, M extends z.ZodType>(task: T, metrics: M) {
  const measured = { metrics, score: z.number() };
  return z.strictObject({
    type: z.literal("task-evaluation"),
    task: z.literal(task),
    teachers: z.array(
      z.strictObject({
        name: z.string(),
        ...measured,
        /** Its score on the splits; null where nothing is known of one. */
        quality: z.strictObject({ transfer: z.number().nullable(), validation: z.number().nullable() }),
      }),
    ),
    ensemble: z.strictObject(measured),
    seeds: z.array(
      z.strictObject({
        job: JobKey,
        ...measured,
        /**
         * One float32 a test sample, little-endian, in the order of the split: its share of right decisions, or its squared
         * error in the score's units; NaN where nothing is known.
         */
        perSample: Bytes,
      }),
    ),
    ...found,
  });
}
export const MultiLabelEvaluation = evaluationOf("multi-label", MultiLabelMetrics);
export const RegressionEvaluation = evaluationOf("regression", RegressionMetrics);
export type MultiLabelEvaluation = z.infer<typeof MultiLabelEvaluation>;
export type RegressionEvaluation = z.infer<typeof RegressionEvaluation>;
export type TaskEvaluation = MultiLabelEvaluation | RegressionEvaluation;

export const AnyEvaluation = z.union([Evaluation, MultiLabelEvaluation, RegressionEvaluation]);
export type AnyEvaluation = z.infer<typeof AnyEvaluation>;

/** Whoever counts -> whoever reads (KV). */
export const Counter = z.strictObject({ type: z.literal("counter"), count: z.int().nonnegative() });
