import type * as tf from "@tensorflow/tfjs";
import { StillhouseError } from "../../errors.ts";

/**
 * Combines what several teachers say into one target.
 * @param teacherLogits one [batch, classes] a teacher, in the order of the spec, in which they are added up: the same
 *   order gives the same bits
 * @param weights one a teacher, > 0, of any sum
 * @param T temperature, > 0
 * @returns log-probabilities at T, [batch, classes]
 */
export type EnsembleRule = (
  teacherLogits: readonly tf.Tensor2D[],
  weights: readonly number[],
  T: number,
) => tf.Tensor2D;

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
