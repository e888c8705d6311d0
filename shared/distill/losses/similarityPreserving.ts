import * as tf from "@tensorflow/tfjs";

const EPSILON = 1e-12;

/**
 * Similarity-preserving KD (Tung, Mori 2019): products of pairs, each row made of length 1.
 *
 *   sum_ij (g_s - g_t)^2 / batch^2
 *
 * @param student products of pairs, [batch, batch]
 * @param teacher the same of the teacher; outside of the gradient
 * @param known 1 where the teacher's product is known; absent: everywhere. Rows are of known pairs, and so is the mean
 * @returns scalar; 0 where both agree up to a factor a row
 */
export function similarityPreserving(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  known?: tf.Tensor2D,
): tf.Scalar {
  return tf.tidy(() => {
    const rows = (gram: tf.Tensor2D): tf.Tensor2D => {
      const counted = known ? gram.mul<tf.Tensor2D>(known) : gram;
      return counted.div(counted.square().sum(1, true).add(EPSILON).sqrt());
    };
    const squares = rows(student).sub(rows(teacher)).square();
    if (!known) return squares.mean().asScalar();
    return squares.sum().div(tf.maximum(known.sum(), 1)).asScalar();
  });
}
