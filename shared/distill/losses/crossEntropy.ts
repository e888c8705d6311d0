import * as tf from "@tensorflow/tfjs";

/**
 * Cross-entropy with true labels, averaged over the samples that have one.
 *
 *   L = - sum_{b labelled} log softmax(student_b)[y_b] / (number labelled)
 *
 * @param student logits, [batch, classes]
 * @param labels class of each sample, int32, [batch]; -1 where there is none
 * @returns scalar, nats per labelled sample; 0 with gradient 0 where no sample has a label
 */
export function crossEntropy(student: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    // A label of -1 is in no column: its row is all zeros.
    const truth = tf.oneHot(labels, student.shape[1]).toFloat(); // [batch, classes]
    const labelled = tf.maximum(truth.sum(), 1); // scalar
    return truth.mul(tf.logSoftmax(student)).sum().div(labelled).neg().asScalar();
  });
}
