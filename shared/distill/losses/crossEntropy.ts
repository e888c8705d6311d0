import * as tf from "@tensorflow/tfjs";

/**
 * Cross-entropy with true labels, averaged over the samples that have one.
 *
 *   L = - sum_{b labelled} sum_c t_c log softmax(student_b)[c] / (number labelled)
 *
 * where t is 1 on the true class; with smoothing e (Szegedy et al. 2016) it is 1 - e + e/C there and e/C elsewhere.
 *
 * @param student logits, [batch, classes]
 * @param labels class of each sample, int32, [batch]; -1 where there is none
 * @param smoothing e, from 0 to 1
 * @param only 1 for the samples that count, else 0, [batch]: what they lose is still divided by the number of all that
 *   are labelled, so that parts of a batch add up; absent: all count
 * @returns scalar, nats per labelled sample; 0 with gradient 0 where no sample has a label
 */
export function crossEntropy(
  student: tf.Tensor2D,
  labels: tf.Tensor1D,
  smoothing = 0,
  only?: tf.Tensor1D,
): tf.Scalar {
  return tf.tidy(() => {
    // A label of -1 is in no column: its row is all zeros.
    const known = tf.oneHot(labels, student.shape[1]).toFloat(); // [batch, classes]
    const labelled = tf.maximum(known.sum(), 1); // scalar
    const truth = only ? known.mul(only.expandDims(1)) : known;
    const logQ = tf.logSoftmax(student);
    const total = truth.mul(logQ).sum();
    if (smoothing === 0) return total.div(labelled).neg().asScalar();
    const uniform = truth.sum(-1).mul(logQ.mean(-1)).sum();
    return total
      .mul(1 - smoothing)
      .add(uniform.mul(smoothing))
      .div(labelled)
      .neg()
      .asScalar();
  });
}
