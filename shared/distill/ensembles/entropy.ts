import * as tf from "@tensorflow/tfjs";
import type { EnsembleRule } from "./ensemble.ts";
import { mixture } from "./mixture.ts";
import { overTheirSum, presences } from "./present.ts";

/**
 * Mean of the teachers' probabilities, in which a teacher counts the more the surer it is of the sample (entropy-based
 * KD, Kwon et al. 2020). Serves where confidence can be trusted: calibrate the teachers first.
 */
export const entropy: EnsembleRule = ({ logits, atOne = logits, present }, temper) =>
  tf.tidy(() => mixture(logits, entropyShares(atOne, present), temper, present));

/**
 * The share of each teacher in each sample, w_k = (1 - H_k / sum_j H_j) / (K - 1), with H the entropy of its softmax
 * at temperature 1. Where no teacher has any, and for a single one, all share alike. K and the sum are over those who are
 * present.
 * @returns one [batch] a teacher, of sum 1
 */
export function entropyShares(logits: readonly tf.Tensor2D[], present?: tf.Tensor2D): tf.Tensor1D[] {
  return tf.tidy(() => {
    const entropies = logits.map((of) => {
      const logP = tf.logSoftmax(of);
      return logP.exp().mul(logP).sum(-1).neg().as1D(); // [batch]
    });
    return present ? presentComplements(entropies, present) : complementShares(entropies);
  });
}

/** (1 - a_k / sum_j a_j) / (K - 1) for numbers that are not negative: one [batch] each. */
export function complementShares(amounts: readonly tf.Tensor1D[]): tf.Tensor1D[] {
  return tf.tidy(() => {
    const [first, ...others] = amounts as [tf.Tensor1D, ...tf.Tensor1D[]];
    if (others.length === 0) return [tf.onesLike(first)];
    // What is added to each changes no sum worth the name, and makes 0 / 0 a share alike.
    const raised = amounts.map((amount) => amount.add<tf.Tensor1D>(1e-12));
    const total = raised.reduce((sum, amount) => sum.add<tf.Tensor1D>(amount));
    return raised.map((amount) => tf.sub(1, amount.div(total)).div<tf.Tensor1D>(others.length));
  });
}

/** The same over those who are present, [batch, teachers]: 1 for the only one, 0 for who is absent. */
export function presentComplements(amounts: readonly tf.Tensor1D[], present: tf.Tensor2D): tf.Tensor1D[] {
  return tf.tidy(() => {
    const there = presences(present);
    const raised = amounts.map((amount, k) => amount.add(1e-12).mul<tf.Tensor1D>(there[k] as tf.Tensor1D));
    const count = present.sum(-1).as1D();
    const alone = count.lessEqual(1).toFloat(); // whose complement would be 0 / 0
    const others = tf.maximum(count.sub(1), 1);
    return overTheirSum(raised).map((share, k) =>
      tf
        .sub(1, share)
        .add(alone)
        .mul(there[k] as tf.Tensor1D)
        .div<tf.Tensor1D>(others),
    );
  });
}
