import * as tf from "@tensorflow/tfjs";

/** Confidence of a teacher in its answer: w = max_c p_c. Log-probabilities [batch, classes] -> [batch]. */
export function confidences(targetLogProbs: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => targetLogProbs.max(-1).exp().as1D());
}

/**
 * Confidence-weighted by the teacher's maximum, CWTM (Furlanello et al. 2018, Born-again networks): of the teacher only how
 * sure it is of each sample.
 *
 *   L = sum_b w_b CE_b / sum_b w_b
 *
 * @param student logits, [batch, classes]
 * @param labels int32, [batch]; a sample of -1 is left out of both sums
 * @param weights w, [batch], 0 where a sample is left out; made outside of the gradient
 * @returns scalar, nats; 0 with gradient 0 where no sample with a label has a weight
 */
export function confidenceWeighted(
  student: tf.Tensor2D,
  labels: tf.Tensor1D,
  weights: tf.Tensor1D,
): tf.Scalar {
  return tf.tidy(() => {
    const truth = tf.oneHot(labels, student.shape[1]).toFloat(); // [batch, classes]
    const weighted = truth.mul(weights.expandDims(1)); // [batch, classes]
    const total = tf.maximum(weighted.sum(), 1e-12);
    return weighted.mul(tf.logSoftmax(student)).sum().div(total).neg().asScalar();
  });
}
