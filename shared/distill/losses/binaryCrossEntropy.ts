import * as tf from "@tensorflow/tfjs";

/**
 * Binary cross-entropy with true classes, from logits; what is not known is left out of the mean.
 *
 *   L = C * sum_{known bc} (softplus(z_bc) - t_bc z_bc) / (number known)
 *
 * where t is the truth y, with smoothing e: (1 - e) y + e / 2. With nothing missing that is the sum over the classes,
 * averaged over the samples. softplus(z) - t z = - t log sigmoid(z) - (1 - t) log (1 - sigmoid(z)), for logits of any size.
 *
 * @param student logits z, [batch, classes]
 * @param truth 0 or 1, [batch, classes]
 * @param known 1 where the truth is known, else 0, [batch, classes]
 * @param smoothing e, from 0 to 1
 * @returns scalar, nats per sample; 0 with gradient 0 where nothing is known
 */
export function binaryCrossEntropy(
  student: tf.Tensor2D,
  truth: tf.Tensor2D,
  known: tf.Tensor2D,
  smoothing = 0,
): tf.Scalar {
  return tf.tidy(() => {
    const target = smoothing === 0 ? truth : truth.mul(1 - smoothing).add(smoothing / 2);
    const entries = tf.softplus(student).sub(target.mul(student)); // [batch, classes]
    return meanOverKnown(entries, known).mul(student.shape[1]).asScalar();
  });
}

/** Mean of the entries whose `known` is 1; 0 with gradient 0 where none is. */
export function meanOverKnown(entries: tf.Tensor, known: tf.Tensor): tf.Scalar {
  return tf.tidy(() => entries.mul(known).sum().div(tf.maximum(known.sum(), 1)).asScalar());
}
