import * as tf from "@tensorflow/tfjs";
import { type EnsembleRule, normaliseWeights } from "./ensemble.ts";
import { presentShares, SAID_NOTHING } from "./present.ts";
import { weightedSum } from "./weightedShares.ts";

/**
 * Log odds of the mean of the teachers' probabilities of each class by itself:
 *
 *   log (sum_k w_k sigmoid(v_k / T)) - log (sum_k w_k sigmoid(-v_k / T))
 *
 * Each sum is a log-sum-exp over the teachers, which keeps the precision of small probabilities on both sides.
 */
export const bernoulliArithmetic: EnsembleRule = ({ logits, weights, present }, temper) =>
  tf.tidy(() => {
    const tempered = logits.map((of) => temper(of));
    if (tempered.length === 1) return (tempered[0] as tf.Tensor2D).clone();
    const shares = present ? presentShares(weights, present) : normaliseWeights(weights, logits.length);
    const yes = logOfMean(
      tempered.map((of) => tf.softplus(of.neg<tf.Tensor2D>()).neg()),
      shares,
    );
    const no = logOfMean(
      tempered.map((of) => tf.softplus(of).neg()),
      shares,
    );
    return yes.sub<tf.Tensor2D>(no); // [batch, classes]
  });

/** Mean of the teachers' log odds: sum_k w_k v_k / T. */
export const bernoulliGeometric: EnsembleRule = (said, temper) => weightedSum(said, temper);

/** log sum_k w_k exp(l_k), of one [batch, classes] a teacher. */
function logOfMean(logs: readonly tf.Tensor[], shares: readonly (number | tf.Tensor1D)[]): tf.Tensor {
  const raised = logs.map((log, k) => log.add(logShare(shares[k] as number | tf.Tensor1D)));
  const largest = raised.reduce((max, log) => tf.maximum(max, log));
  return raised
    .map((log) => log.sub(largest).exp())
    .reduce((sum, part) => sum.add(part))
    .log()
    .add(largest);
}

/** Log of a share: one number, or one a sample, [batch, 1]; `SAID_NOTHING` where it is 0. */
function logShare(share: number | tf.Tensor1D): number | tf.Tensor {
  if (typeof share === "number") return Math.log(share);
  const nothing = tf.sub(1, share.step()).mul(SAID_NOTHING);
  return tf.maximum(share, 1e-30).log().add(nothing).expandDims(1);
}
