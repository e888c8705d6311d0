import * as tf from "@tensorflow/tfjs";

/**
 * Mean of a value a sample: [batch] -> scalar.
 * @param targeted 1 where there is a target, else 0, [batch]: the mean is over these, and 0 with gradient 0 where there is
 *   none; absent: over all
 */
export function meanOverRows(rows: tf.Tensor1D, targeted?: tf.Tensor1D): tf.Scalar {
  if (!targeted) return rows.mean().asScalar();
  return tf.tidy(() => rows.mul(targeted).sum().div(tf.maximum(targeted.sum(), 1)).asScalar());
}

/**
 * Mean over the samples that have a label; 0 with gradient 0 where none has.
 * @param rows [batch]; those of samples without a label are finite, and left out
 * @param labels int32, [batch]; -1 where there is none
 * @param targeted as of `meanOverRows`: the mean is over samples that have both
 */
export function meanOverLabelled(rows: tf.Tensor1D, labels: tf.Tensor1D, targeted?: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const labelled = labels.greaterEqual(0).toFloat(); // [batch]
    const has = targeted ? labelled.mul(targeted) : labelled;
    return rows.mul(has).sum().div(tf.maximum(has.sum(), 1)).asScalar();
  });
}
