import * as tf from "@tensorflow/tfjs";

/** Products of all pairs of samples: [batch, ...] -> [batch, batch]. */
export function gramOf(features: tf.Tensor): tf.Tensor2D {
  return tf.tidy(() => {
    const rows = features.reshape([features.shape[0] as number, -1]) as tf.Tensor2D;
    return tf.matMul(rows, rows, false, true);
  });
}

/** As `gramOf`, around the batch's mean: what depends on differences alone keeps its digits. */
export function centredGram(features: tf.Tensor): tf.Tensor2D {
  return tf.tidy(() => gramOf(features.sub(features.mean(0, true))));
}

/** 1 for a sample with itself and 0 elsewhere, [rows, rows], without a table that a compiled step would carry along. */
export function same(rows: number): tf.Tensor2D {
  return tf.tidy(() => {
    const place = tf.range(0, rows, 1, "float32");
    return place.expandDims(1).equal(place.expandDims(0)).toFloat() as tf.Tensor2D;
  });
}

/** Half the square below 1, linear above: |d| - 0.5. */
export function smoothL1(difference: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const size = difference.abs();
    const small = tf.minimum(size, 1);
    return small.mul(size.sub(small.mul(0.5)));
  });
}
