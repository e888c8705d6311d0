import type * as tf from "@tensorflow/tfjs";

/** Something that a loss needs of every sample, beside the logits. */
export interface TargetType {
  dtype: "float32" | "int32";
  /** Of one sample: [] for a class, [classes] for logits. */
  shape: readonly number[];
}

export type TargetValues = Float32Array | Int32Array;

/**
 * What a training minimises. Values come in through `gather` alone and `loss` sees tensors alone, so that the loss
 * can be recorded once and run on any batch.
 */
export interface Objective {
  readonly targets: Readonly<Record<string, TargetType>>;
  /** The targets of a batch of a step, counted from 0, by name, each [ids.length, ...shape]. */
  gather(ids: Uint32Array, step: number): Readonly<Record<string, TargetValues>>;
  /**
   * @param logits [batch, classes]
   * @param targets by name, each [batch, ...shape]
   * @returns scalar, the mean over the batch
   */
  loss(logits: tf.Tensor2D, targets: Readonly<Record<string, tf.Tensor>>): tf.Scalar;
}
