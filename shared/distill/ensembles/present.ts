import * as tf from "@tensorflow/tfjs";
import { normaliseWeights } from "./ensemble.ts";

/** Beside a log-probability of a teacher that said nothing: its exponential is 0, and no sum becomes infinite. */
export const SAID_NOTHING = -1e4;

/** @param present 1 where a teacher said something of a sample, else 0, [batch, teachers] @returns one [batch] a teacher */
export function presences(present: tf.Tensor2D): tf.Tensor1D[] {
  return tf.tidy(() => tf.split(present, present.shape[1], 1).map((one) => one.as1D()));
}

/**
 * The weights of a sample's teachers, made a sum of 1 over those that are present: w_k m_k / sum_j w_j m_j.
 * @param weights one a teacher, > 0, of any sum
 * @param present [batch, teachers]
 * @returns one [batch] a teacher; 0 each where nobody is present
 */
export function presentShares(weights: readonly number[], present: tf.Tensor2D): tf.Tensor1D[] {
  return tf.tidy(() => {
    const own = normaliseWeights(weights, present.shape[1]);
    return overTheirSum(presences(present).map((of, k) => of.mul<tf.Tensor1D>(own[k] as number)));
  });
}

/** Amounts divided by their sum, sample by sample; 0 each where that is 0. One [batch] each. */
export function overTheirSum(amounts: readonly tf.Tensor1D[]): tf.Tensor1D[] {
  return tf.tidy(() => {
    const total = tf.maximum(
      amounts.reduce((sum, one) => sum.add<tf.Tensor1D>(one)),
      1e-12,
    );
    return amounts.map((one) => one.div<tf.Tensor1D>(total));
  });
}
