import * as tf from "@tensorflow/tfjs";

/** The smallest variance. */
const EPSILON = 1e-5;

/** The stored scale that stands for a variance: the inverse of softplus(scale) + 1e-5. */
export function initialScale(variance: number): number {
  return Math.log(Math.expm1(variance - EPSILON));
}

/**
 * Variational information distillation (Ahn et al. 2019): the teacher's feature under a Gaussian around what the
 * regressor makes of the student's, whose variance is learnt for each channel.
 *
 *   mean over all numbers of 0.5 ((mu - f_t)^2 / s^2 + log s^2),   s^2 = softplus(scale) + 1e-5
 *
 * @param mu [batch, ..., channels]
 * @param target the teacher's, of the same shape; outside of the gradient
 * @param scale [channels]
 * @returns scalar, which has no bound below: the surer a channel, the smaller its variance
 */
export function vid(mu: tf.Tensor, target: tf.Tensor, scale: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    // softplus(x) = max(x, 0) + log(1 + exp(-|x|)), which overflows nowhere.
    const variance = tf.relu(scale).add(scale.abs().neg().exp().add(1).log()).add(EPSILON); // [channels]
    const terms = mu.sub(target).square().div(variance).add(variance.log());
    return terms.mean().mul(0.5).asScalar();
  });
}
