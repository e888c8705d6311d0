import { z } from "zod";
import { Digest, Hash, NodeId } from "./identifiers.ts";

/** One training of a student: with its teachers, or alone. */
export const JobKey = z.strictObject({
  kind: z.enum(["student", "baseline"]),
  seed: z.int().nonnegative(),
});
export type JobKey = z.infer<typeof JobKey>;

export function jobName(job: JobKey): string {
  return `${job.kind}-${job.seed}`;
}

export const CurvePoint = z.strictObject({
  /** Counted from 1: the epoch that ended. */
  epoch: z.int().positive(),
  trainLoss: z.number(),
  validationLoss: z.number(),
  validationAccuracy: z.number(),
});
export type CurvePoint = z.infer<typeof CurvePoint>;

/** Where a training went on, and in which process: an unbroken one has a single entry from step 0. */
export const LineageEntry = z.strictObject({ node: NodeId, fromStep: z.int().nonnegative() });
export type LineageEntry = z.infer<typeof LineageEntry>;

/** Student node -> itself, later (KV pointer to a blob in the checkpoints bucket): where to go on. The previous blob is kept too. */
export const CheckpointPointer = z.strictObject({
  type: z.literal("checkpoint"),
  object: Digest,
  previous: Digest.nullable(),
  step: z.int().nonnegative(),
});
export type CheckpointPointer = z.infer<typeof CheckpointPointer>;

/** Student node -> coordinator (KV, key = run.result.job): a finished training. */
export const JobResult = z.strictObject({
  type: z.literal("job-result"),
  job: JobKey,
  artifact: Digest,
  weightsHash: Digest,
  parameters: z.int().positive(),
  keptEpoch: z.int().positive(),
  steps: z.int().positive(),
  curve: z.array(CurvePoint),
  lineage: z.array(LineageEntry).min(1),
  seconds: z.number().nonnegative(),
  /** Of these, seconds spent waiting for labels. */
  waitSeconds: z.number().nonnegative(),
  backend: z.string(),
});
export type JobResult = z.infer<typeof JobResult>;

/** Teacher node -> coordinator (KV, key = recipe): a trained teacher. The first answer stands. */
export const TrainedTeacher = z.strictObject({
  type: z.literal("trained-teacher"),
  recipe: Hash,
  artifact: Digest,
  weightsHash: Digest,
  parameters: z.int().positive(),
  seconds: z.number().nonnegative(),
  curve: z.array(CurvePoint),
  backend: z.string(),
  node: NodeId,
});
export type TrainedTeacher = z.infer<typeof TrainedTeacher>;

/** What is measured of a set of predictions on the test split. */
export const Scores = z.strictObject({
  accuracy: z.number(),
  nll: z.number(),
  ece: z.number(),
  brier: z.number(),
  perClassAccuracy: z.array(z.number().nullable()),
});
export type Scores = z.infer<typeof Scores>;

export const Agreement = z.strictObject({
  overall: z.number(),
  whereReferenceRight: z.number().nullable(),
  whereReferenceWrong: z.number().nullable(),
  /** KL(ensemble, student) at T = 1, nats a sample. */
  kl: z.number(),
});

/** Student node -> coordinator (KV, key = run.evaluation): everything that was read off the test split, in one read. */
export const Evaluation = z.strictObject({
  type: z.literal("evaluation"),
  teachers: z.array(z.strictObject({ name: z.string(), scores: Scores })),
  ensemble: Scores,
  seeds: z.array(
    z.strictObject({
      job: JobKey,
      scores: Scores,
      agreement: Agreement,
      /** One byte a test sample, in the order of the split: 1 where the prediction is right. */
      correct: z.instanceof(Uint8Array),
    }),
  ),
  latency: z.strictObject({
    backend: z.string(),
    batch: z.int().positive(),
    batch1: z.strictObject({ p50Ms: z.number(), p99Ms: z.number() }),
    /** Milliseconds a sample within a batch of `batch`. */
    perSampleAtBatch: z.strictObject({ p50Ms: z.number(), p99Ms: z.number() }),
  }),
});
export type Evaluation = z.infer<typeof Evaluation>;
