import * as tf from "@tensorflow/tfjs";

const EPSILON = 1e-12;

/**
 * Neuron selectivity transfer (Huang, Wang 2017): the squared maximum mean discrepancy of the channels' maps, each of
 * length 1, with the kernel k(a, b) = (a . b)^2.
 *
 *   mean k(t, t') + mean k(s, s') - 2 mean k(s, t),   over pairs of channels and samples
 *
 * @param student [batch, h, w, channels]
 * @param teacher of the same height and width, of any number of channels; outside of the gradient
 * @returns scalar; 0 where both have the same channels
 */
export function nst(student: tf.Tensor4D, teacher: tf.Tensor4D): tf.Scalar {
  return tf.tidy(() => {
    const [s, t] = [channelMaps(student), channelMaps(teacher)];
    const kernel = (a: tf.Tensor3D, b: tf.Tensor3D): tf.Tensor =>
      tf.matMul(a, b, true, false).square().mean();
    return kernel(t, t).add(kernel(s, s)).sub(kernel(s, t).mul(2)).asScalar();
  });
}

/** [batch, h, w, c] -> [batch, h * w, c], each column of length 1. */
function channelMaps(map: tf.Tensor4D): tf.Tensor3D {
  const [batch, height, width, channels] = map.shape;
  const columns = map.reshape([batch, height * width, channels]) as tf.Tensor3D;
  return columns.div(columns.square().sum(1, true).add(EPSILON).sqrt());
}
