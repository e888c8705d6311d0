import * as tf from "@tensorflow/tfjs";
import { type EnsembleRule, normaliseWeights } from "./ensemble.ts";

/**
 * Mean of the teachers' probabilities: log sum_k w_k softmax(v_k / T).
 *
 * Computed as a log-sum-exp over the teachers of (log w_k + log softmax(v_k / T)), which keeps the precision of small
 * probabilities. Its KL has the gradient of the weighted mean of the KLs to each teacher.
 */
export const arithmetic: EnsembleRule = (teacherLogits, weights, T) =>
  tf.tidy(() => {
    const shares = normaliseWeights(weights, teacherLogits.length);
    const logs = teacherLogits.map((logits, k) =>
      tf.logSoftmax(T === 1 ? logits : logits.div(T)).add<tf.Tensor2D>(Math.log(shares[k] as number)),
    ); // [batch, classes] each
    const largest = logs.reduce((max, log) => tf.maximum(max, log));
    const sum = logs
      .map((log) => log.sub<tf.Tensor2D>(largest).exp())
      .reduce((total, part) => total.add<tf.Tensor2D>(part));
    return sum.log().add<tf.Tensor2D>(largest);
  });
