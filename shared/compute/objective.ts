import type * as tf from "@tensorflow/tfjs";
import type { NamedWeight } from "../model/weights.ts";
import type { Batch } from "./planBatches.ts";

/** Something that a loss needs of a batch, beside the logits. */
export interface TargetType {
  dtype: "float32" | "int32";
  /** Of one sample: [] for a class, [classes] for logits; of one pair, or of the whole batch. */
  shape: readonly number[];
  /** What it is given for: each sample, which is the default, each pair of samples of the batch, or the batch once. */
  per?: "sample" | "pair" | "batch";
}

export type TargetValues = Float32Array | Int32Array;

/** A weight that is learnt beside the student, by the same optimiser, and is no part of it. */
export interface LearntWeight {
  readonly name: string;
  readonly shape: readonly number[];
  /** Its first values. */
  readonly initial: Float32Array;
}

/** What a loss sees of a student beside its logits. */
export interface StudentInside {
  /** What the layers of `taps` give, by their names: [batch, ...]. */
  readonly features: Readonly<Record<string, tf.Tensor>>;
  /** The weights of `learnt`, by their names. */
  readonly learnt: Readonly<Record<string, tf.Tensor>>;
  /** Gives out what `emits` promises, for the `memory` to take after the step. */
  emit(name: string, tensor: tf.Tensor): void;
}

export type Emitted = Readonly<Record<string, Float32Array>>;

/** A student between two steps. */
export interface StudentAtWork {
  /** All its weights as they are now, what is learnt beside it included: no copies, and good until the next step. */
  current(): readonly NamedWeight[];
  /** Logits in inference mode with other weights, which have the names of its own: [ids.length, classes]. */
  predictWith(weights: readonly NamedWeight[], ids: Uint32Array): Promise<Float32Array>;
}

/** What an objective remembers from step to step: part of a checkpoint. */
export interface ObjectiveMemory {
  /** Before a step gathers its targets; the step waits for it. */
  before?(step: number, batch: Batch, student: StudentAtWork): Promise<void>;
  /** After a step, with what the loss emitted in it. */
  after(step: number, batch: Batch, emitted: Emitted, student: StudentAtWork): void | Promise<void>;
  /** The weights that are validated and kept instead of the student's own; no copies. Absent: the student's own. */
  final?(): readonly NamedWeight[];
  /** Plain data, which stays as it is when the training goes on. */
  snapshot(): unknown;
  /** @throws StillhouseError for a snapshot of another training */
  restore(snapshot: unknown): void;
}

/**
 * What a training minimises. Values come in through `gather` alone and `loss` sees tensors alone, so that the loss
 * can be recorded once and run on any batch.
 */
export interface Objective {
  readonly targets: Readonly<Record<string, TargetType>>;
  /** Layers of the student whose outputs the loss sees. */
  readonly taps?: readonly string[];
  readonly learnt?: readonly LearntWeight[];
  /** Shapes of what the loss emits, without the batch: each is [batch, ...shape]. */
  readonly emits?: Readonly<Record<string, readonly number[]>>;
  readonly memory?: ObjectiveMemory;
  /** The targets of a batch of a step, counted from 0, by name, each of `targetShape`. */
  gather(ids: Uint32Array, step: number): Readonly<Record<string, TargetValues>>;
  /**
   * @param logits [batch, classes]
   * @param targets by name, each of `targetShape`
   * @returns scalar, the mean over the batch
   */
  loss(logits: tf.Tensor2D, targets: Readonly<Record<string, tf.Tensor>>, student: StudentInside): tf.Scalar;
}

/** The shape of a target for a batch of `rows` samples. */
export function targetShape({ shape, per = "sample" }: TargetType, rows: number): number[] {
  switch (per) {
    case "sample":
      return [rows, ...shape];
    case "pair":
      return [rows, rows, ...shape];
    case "batch":
      return [...shape];
  }
}
