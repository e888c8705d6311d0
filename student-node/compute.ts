import type { TrainProgress } from "../shared/compute/trainLoop.ts";
import type { DistillSpec } from "../shared/config/distillSpec.ts";
import type { TeacherEncoding } from "../shared/config/encodingOf.ts";
import type { EnsembleSpec } from "../shared/config/ensembleSpec.ts";
import type { ComputeSpec, StudentSpec } from "../shared/config/spec.ts";
import type { ViewsSpec } from "../shared/config/viewsSpec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import type { KnownClasses } from "../shared/distill/ensembles/known.ts";
import type { FeaturePlan } from "../shared/distill/features/planFeatures.ts";
import type { CorrectedBias, PeerUse } from "../shared/evaluate/reportSchema.ts";
import type { EpochPoint } from "../shared/evaluate/taskReportSchema.ts";
import type { LabelStoreLayout, ReadAgain } from "../shared/labels/labelStoreReader.ts";
import type { KnownPart } from "../shared/labels/labelStoreWriter.ts";
import type { DecidedChunk } from "../shared/labels/presence.ts";
import type { PackedModel } from "../shared/model/packTrained.ts";
import type { AnyEvaluation, JobKey } from "../shared/protocol/jobs.ts";

/** What a student node asks of its compute: TensorFlow in a worker thread, or in a test's own thread. */
export interface StudentCompute {
  /** Name of the backend that computes. */
  backend(): Promise<string>;
  openData(dataset: Dataset): Promise<void>;
  /**
   * Opens the file into which the node writes the labels that it reads.
   * @param readAgain reads those that the file has no room for
   */
  openLabels(path: string, layout: LabelStoreLayout, readAgain: ReadAgain): Promise<void>;
  /** Tells what was read by now: into that file, or, where it has no room, past it. */
  addLabels(parts: readonly KnownPart[]): Promise<void>;
  /** Tells whose labels of a chunk are used, before anyone is told that it is complete. */
  addDecision(decided: DecidedChunk): Promise<void>;
  /** @throws TrainingInterrupted */
  train(training: StudentTraining, hooks: TrainingHooks): Promise<TrainedStudent>;
  /** Asks the training at work, where there is one, to store a checkpoint after its next step and to end. */
  interrupt(): Promise<void>;
  /** Reads the test split: once a run, after all weights are final. */
  evaluate(task: EvaluationTask): Promise<TestFindings>;
  close(): Promise<void>;
}

/** What the compute finds out on the test split. */
export type TestFindings = WithoutLog<AnyEvaluation>;
/** One of a union for one of a union. */
type WithoutLog<E> = E extends AnyEvaluation ? Omit<E, "labelBytes" | "labelMessages" | "readAgain"> : never;

/** How a student and its peers see each other's weights. */
export interface PeerHooks {
  /** Shows the peers the weights of after `step` steps. */
  publishWeights(step: number, weights: Uint8Array): Promise<void>;
  /**
   * Weights that a peer published, for which it waits.
   * @param of after so many steps of the peer
   * @param step of one's own, in which they are used first
   */
  peerWeights(seed: number, of: number, step: number): Promise<Uint8Array>;
}

export interface TrainingHooks extends PeerHooks {
  onProgress(progress: TrainProgress): void;
  /** Stores a checkpoint; the training waits for it. */
  onCheckpoint(step: number, state: Uint8Array): Promise<void>;
  /** Resolves when the first `count` chunks, in the order of dispatch, have all labels that are used of them, and are known here. */
  labelsUpTo(count: number): Promise<void>;
}

/** One training of a student: a pure function of this, of the data and of the labels. */
export interface StudentTraining {
  readonly job: JobKey;
  readonly runSeed: number;
  readonly dataHash: string;
  readonly student: StudentSpec;
  /** Of all students of the run. */
  readonly seeds: readonly number[];
  readonly ensemble: EnsembleSpec;
  readonly distill: DistillSpec;
  /** Their names, in the order of the spec. */
  readonly teachers: readonly string[];
  /** What each knows; absent: all know all. */
  readonly known?: readonly KnownClasses[] | undefined;
  /** How samples are changed from epoch to epoch; absent: not at all. */
  readonly views?: ViewsSpec | undefined;
  /** How the labels of each are stored and read; absent: they hold a number for every class. */
  readonly encodings?: readonly TeacherEncoding[] | undefined;
  readonly chunkSize: number;
  /** What the terms look at inside teachers and student. */
  readonly features: FeaturePlan;
  readonly compute: ComputeSpec;
  /** What `onCheckpoint` was given last, to go on from. */
  readonly checkpoint: Uint8Array | null;
}

export interface TrainedStudent extends PackedModel {
  readonly keptEpoch: number;
  readonly steps: number;
  readonly curve: EpochPoint[];
  readonly waitSeconds: number;
  /** Of the classes of `student.correctBias`. */
  readonly correctedBias?: readonly CorrectedBias[];
  /** Of a student with early exits: what `packExits` makes of them. */
  readonly exits?: Uint8Array;
  /** Of a student that hears its peers. */
  readonly peers?: PeerUse;
}

/** What is stored of a finished training. */
export interface StoredModel {
  readonly artifact: Uint8Array;
  /** As `TrainedStudent` has them. */
  readonly exits?: Uint8Array;
}

export interface EvaluationTask {
  readonly dataHash: string;
  readonly teachers: readonly string[];
  /** What each knows; absent: all know all. */
  readonly known?: readonly KnownClasses[] | undefined;
  readonly ensemble: EnsembleSpec;
  readonly chunkSize: number;
  readonly compute: ComputeSpec;
  readonly models: readonly ({ readonly job: JobKey } & StoredModel)[];
}
