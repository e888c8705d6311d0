import type * as tf from "@tensorflow/tfjs";
import type { FeatureLayout } from "../../protocol/features.ts";

/** What a term that looks inside sees of a batch. */
export interface FeatureView {
  /** What the student's layer gives, [batch, ...]. */
  readonly student: tf.Tensor;
  /** What is known of the teacher, outside of the gradient. */
  readonly teacher: TeacherFeature;
  /** Of the training split. */
  readonly samples: number;
  /** A weight that the term learns beside the student. */
  learnt(role: LearntRole): tf.Tensor;
  /** What a memory of other samples holds for the batch. */
  remembered(role: RememberedRole): tf.Tensor;
  /** Gives the memory what to keep. */
  remember(role: "student" | "teacher", embedding: tf.Tensor): void;
}

export interface TeacherFeature {
  /** `gram`: products of pairs of samples, [batch, batch]; else [batch, ...]. */
  readonly form: FeatureLayout["form"];
  readonly tensor: tf.Tensor;
  /** Of `gram`: 1 where a pair's product is known, [batch, batch], and 0 elsewhere. */
  readonly known?: tf.Tensor2D;
}

export type LearntRole =
  | "kernel"
  | "bias"
  | "scale"
  | "student-kernel"
  | "student-bias"
  | "teacher-kernel"
  | "teacher-bias";

/** Embeddings that each side gave the batch's samples before, and those of samples to tell them from. */
export type RememberedRole = "own-student" | "own-teacher" | "other-student" | "other-teacher";
