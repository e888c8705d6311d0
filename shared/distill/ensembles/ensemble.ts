import type * as tf from "@tensorflow/tfjs";
import { StillhouseError } from "../../errors.ts";
import type { KnownClasses } from "./known.ts";

/** What a rule may look at. */
export interface TeachersSay {
  /**
   * Logits of each teacher, [batch, classes], in the order of the spec, in which they are added up: the same order gives
   * the same bits.
   */
  readonly logits: readonly tf.Tensor2D[];
  /**
   * The same read at T = 1, for what looks at probabilities there, where labels that hold a part of the classes make another
   * number of it; absent: `logits`.
   */
  readonly atOne?: readonly tf.Tensor2D[] | undefined;
  /** One a teacher, > 0, of any sum. */
  readonly weights: readonly number[];
  /** What each teacher knows, one a teacher; absent: all know all. For rules that join what parts know. */
  readonly known?: readonly KnownClasses[] | undefined;
  /** Class of each sample, int32, [batch]; -1 where there is none. */
  readonly labels: tf.Tensor1D;
  /** Logits of the student, [batch, classes]. */
  readonly student: tf.Tensor2D;
  /**
   * 1 where a teacher said something of a sample, else 0, [batch, teachers]: the weights go to those who did, sample by
   * sample. Absent: all did of all. What stands in `logits` of the others is finite and means nothing.
   */
  readonly present?: tf.Tensor2D | undefined;
  /** For a rule that draws: 1 at the teacher that was drawn for a sample and 0 at the others, [batch, teachers]. */
  readonly drawn?: tf.Tensor2D | undefined;
}

/** Divides logits by the temperature that is asked for. */
export type Temper = (logits: tf.Tensor2D) => tf.Tensor2D;

/**
 * Combines what several teachers say into one target.
 * @returns log-probabilities at that temperature, [batch, classes], finite, and outside of the student's gradient; rows
 *   of samples of which nobody said anything mean nothing
 */
export type EnsembleRule = (said: TeachersSay, temper: Temper) => tf.Tensor2D;

export class EnsembleWeights extends StillhouseError {}

/**
 * Weights of sum 1.
 * @throws EnsembleWeights when there is not one positive number a teacher
 */
export function normaliseWeights(weights: readonly number[], teachers: number): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (
    teachers === 0 ||
    weights.length !== teachers ||
    !weights.every((w) => w > 0) ||
    !Number.isFinite(sum)
  ) {
    throw new EnsembleWeights(
      `Cannot combine ${teachers} teachers with weights [${weights}]: give one positive number a teacher`,
      { fields: { teachers, weights } },
    );
  }
  return weights.map((weight) => weight / sum);
}
