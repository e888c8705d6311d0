import type { TrainProgress } from "../shared/compute/trainLoop.ts";
import type { ArchSpec } from "../shared/config/archSpec.ts";
import type { ComputeSpec } from "../shared/config/spec.ts";
import type { TeacherTrainSpec } from "../shared/config/trainSpec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import type { Fold } from "../shared/data/folds.ts";
import type { View } from "../shared/data/views/view.ts";
import type { LogitAgreement } from "../shared/evaluate/reportSchema.ts";
import type { EpochPoint } from "../shared/evaluate/taskReportSchema.ts";
import type { PackedModel } from "../shared/model/packTrained.ts";
import type { FeatureLayout } from "../shared/protocol/features.ts";
import type { TeacherModel } from "../shared/protocol/run.ts";

/** What a teacher node asks of its compute: TensorFlow in a worker thread, or a stand-in in a test. */
export interface TeacherCompute {
  /** The backend that computes. */
  backend(): Promise<{ name: string; version: string }>;
  /** Makes a data set known under its hash. */
  openData(dataset: Dataset): Promise<void>;
  /**
   * @returns of a quantised teacher how near it is to itself in floats, else null
   * @throws ClassCountMismatch, or an error of the model's format
   */
  load(teacher: TeacherToLoad): Promise<LogitAgreement | null>;
  unload(labelling: string): Promise<void>;
  /**
   * Logits of the teacher for rows of a shard, and after each row's logits its features as they cross the network.
   * Products are between the rows that are asked for at once.
   * @param view in which it sees the rows; absent: as they are
   * @returns [rows.length, rowWidth], row-major
   */
  predict(
    labelling: string,
    dataHash: string,
    shard: number,
    rows: Uint32Array,
    view?: View,
  ): Promise<Float32Array>;
  /** As `predict`, for the probe by which a node is admitted: no pass, and counted by nobody. */
  probe(labelling: string, dataHash: string, shard: number, rows: Uint32Array): Promise<Float32Array>;
  /** @throws TrainingInterrupted */
  train(task: TeacherTraining, hooks: TrainingHooks): Promise<TrainedModel>;
  /** Asks the training at work, where there is one, to store a checkpoint after its next step and to end. */
  interrupt(): Promise<void>;
  /** Rejects when a compute of its own thread is gone, as when it ran out of memory; else it never settles. */
  readonly gone?: Promise<never>;
  close(): Promise<void>;
}

export interface TrainingHooks {
  onProgress(progress: TrainProgress): void;
  /** Stores a checkpoint; the training waits for it, and ends where it fails. */
  onCheckpoint(step: number, state: Uint8Array): Promise<void>;
}

export interface TeacherToLoad {
  readonly labelling: string;
  readonly name: string;
  readonly model: TeacherModel;
  readonly bytes: Uint8Array;
  readonly classes: number;
  readonly inputShape: readonly number[];
  /** What its labels carry beside logits. */
  readonly features: readonly FeatureLayout[];
  /** Of the data that a quantised teacher is compared on. */
  readonly dataHash: string;
  readonly compute: ComputeSpec;
}

export interface TeacherTraining {
  /** What `onCheckpoint` was given last, to go on from. */
  readonly checkpoint: Uint8Array | null;
  /** Between two checkpoints. */
  readonly checkpointMs: number;
  readonly name: string;
  readonly model: ArchSpec;
  readonly train: TeacherTrainSpec;
  /** Left out of the training data; null: all are trained on. */
  readonly fold: Fold | null;
  /** That it is to know, in the order of its outputs; absent: all. */
  readonly classes?: readonly number[] | undefined;
  readonly dataHash: string;
  readonly compute: ComputeSpec;
}

export interface TrainedModel extends PackedModel {
  readonly curve: EpochPoint[];
}
