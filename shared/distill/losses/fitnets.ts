import * as tf from "@tensorflow/tfjs";

/**
 * A linear regressor, learnt beside the student: features W + b at each place.
 * @param features [batch, from], or a map, [batch, height, width, from], where it is a 1x1 convolution
 * @param kernel W, [from, to]
 * @param bias b, [to]; absent: none
 * @returns [batch, to] or [batch, height, width, to]
 */
export function project(features: tf.Tensor, kernel: tf.Tensor2D, bias?: tf.Tensor1D): tf.Tensor {
  return tf.tidy(() => {
    const [from, to] = kernel.shape;
    const product = features.reshape([-1, from]).matMul(kernel);
    const shifted = bias ? product.add(bias) : product;
    return shifted.reshape([...features.shape.slice(0, -1), to]);
  });
}

/**
 * FitNets (Romero et al. 2015): mean over all numbers of (projected - target)^2. The paper has half the sum for each
 * sample, which is the same up to a factor.
 * @param projected what the regressor makes of the student's features
 * @param target the teacher's, of the same shape; outside of the gradient
 * @returns scalar; 0 where they are equal
 */
export function fitnets(projected: tf.Tensor, target: tf.Tensor): tf.Scalar {
  return tf.tidy(() => projected.sub(target).square().mean().asScalar());
}
