import * as tf from "@tensorflow/tfjs";

/** Mean of a value a sample: [batch] -> scalar. */
export function meanOverRows(rows: tf.Tensor1D): tf.Scalar {
  return rows.mean().asScalar();
}

/**
 * Mean over the samples that have a label; 0 with gradient 0 where none has.
 * @param rows [batch]; those of samples without a label are finite, and left out
 * @param labels int32, [batch]; -1 where there is none
 */
export function meanOverLabelled(rows: tf.Tensor1D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const has = labels.greaterEqual(0).toFloat(); // [batch]
    return rows.mul(has).sum().div(tf.maximum(has.sum(), 1)).asScalar();
  });
}
