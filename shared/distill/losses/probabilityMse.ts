import * as tf from "@tensorflow/tfjs";

/**
 * Squared difference of probabilities: mean teacher's consistency (Tarvainen, Valpola 2017).
 *
 *   L_b = mean_c (softmax(student)_c - p_c)^2
 *
 * @param student logits, [batch, classes]
 * @param targetLogProbs log p, [batch, classes]; made outside of the gradient
 * @returns of each sample, [batch]; 0 where student equals target
 */
export function probabilityMseRows(student: tf.Tensor2D, targetLogProbs: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => tf.softmax(student).sub(targetLogProbs.exp()).square().mean(-1).as1D());
}
