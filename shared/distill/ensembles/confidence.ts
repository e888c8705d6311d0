import * as tf from "@tensorflow/tfjs";
import type { EnsembleRule } from "./ensemble.ts";
import { complementShares, presentComplements } from "./entropy.ts";
import { mixture } from "./mixture.ts";

/**
 * Mean of the teachers' probabilities, in which a teacher counts the more the better it knows the sample's true class
 * (confidence-aware multi-teacher KD, Zhang, Chen, Wang 2022). On samples without a label all count alike.
 */
export const confidence: EnsembleRule = ({ logits, atOne = logits, labels, present }, temper) =>
  tf.tidy(() => mixture(logits, confidenceShares(atOne, labels, present), temper, present));

/**
 * The share of each teacher in each sample, w_k = (1 - softmax_k(CE_k)) / (K - 1), with CE its cross-entropy with the
 * true class; over those who are present.
 * @returns one [batch] a teacher, of sum 1
 */
export function confidenceShares(
  logits: readonly tf.Tensor2D[],
  labels: tf.Tensor1D,
  present?: tf.Tensor2D,
): tf.Tensor1D[] {
  return tf.tidy(() => {
    const [first] = logits as [tf.Tensor2D];
    // A label of -1 is in no column: its cross-entropies are all 0, and so all shares alike.
    const truth = tf.oneHot(labels, first.shape[1]).toFloat(); // [batch, classes]
    const losses = logits.map((of) => tf.logSoftmax(of).mul(truth).sum(-1).neg().as1D()); // [batch] each
    const largest = losses.reduce((max, loss) => tf.maximum(max, loss));
    const amounts = losses.map((loss) => loss.sub<tf.Tensor1D>(largest).exp<tf.Tensor1D>());
    return present ? presentComplements(amounts, present) : complementShares(amounts);
  });
}
