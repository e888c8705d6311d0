import * as tf from "@tensorflow/tfjs";

/**
 * Of a loss by a logit. A student that has learnt a sample by heart has gradients there that shrink from epoch to epoch,
 * until what comes of them further down is below the smallest normal float; a product of matrices of such numbers takes
 * hundreds of times as long. Nothing is learnt from them long before: Adam divides by 1e-8 at least, and a weight of 1e-2
 * does not change by 1e-24.
 */
const SMALLEST = 1e-24;

/** The same logits, [batch, classes], whose gradients are 0 where they are smaller than anything that is learnt from. */
export const withoutTinyGradients = tf.customGrad<tf.Tensor2D>((logits) => ({
  value: (logits as tf.Tensor2D).clone(),
  gradFunc: (gradient: tf.Tensor) =>
    tf.where(gradient.abs().greater(SMALLEST), gradient, tf.zerosLike(gradient)),
}));
