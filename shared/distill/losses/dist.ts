import * as tf from "@tensorflow/tfjs";
import { meanOverRows } from "./means.ts";

export interface DistWeights {
  /** Of the correlation within a sample, over its classes. */
  readonly beta: number;
  /** Of the correlation within a class, over the samples of the batch. */
  readonly gamma: number;
}

/** In the denominator of a correlation, as in the authors' code. */
const EPSILON = 1e-8;

/**
 * DIST (Huang et al. 2022): relations instead of values, by Pearson's correlation of the softmaxes.
 *
 *   L = T^2 (beta (1 - mean_b r(q_b, p_b)) + gamma (1 - mean_c r(q_c, p_c))),   q = softmax(student / T)
 *
 * The authors' code multiplies by T^2, and so does this.
 * A batch of two gives correlations of 1 or -1 within a class, whatever the values: use batches of many samples.
 *
 * @param student logits, [batch, classes]
 * @param targetLogProbs log p at the same temperature, [batch, classes]; made outside of the gradient
 * @param T temperature, > 0
 * @param targeted 1 where there is a target, else 0, [batch]: all is over these samples, and 0 where there is none;
 *   absent: over all
 * @returns scalar; 0 where student equals target
 */
export function dist(
  student: tf.Tensor2D,
  targetLogProbs: tf.Tensor2D,
  T: number,
  { beta, gamma }: DistWeights,
  targeted?: tf.Tensor1D,
): tf.Scalar {
  return tf.tidy(() => {
    const q = tf.softmax(student.div<tf.Tensor2D>(T)); // [batch, classes]
    const p = targetLogProbs.exp<tf.Tensor2D>();
    if (targeted) {
      const some = tf.minimum(targeted.sum(), 1); // 0 where no sample has a target
      const ofSamples = meanOverRows(tf.sub(1, correlation(q, p, 1)).as1D(), targeted);
      const ofClasses = tf.sub(1, correlationOver(q, p, targeted).mean()).mul(some);
      return ofSamples
        .mul(beta)
        .add(ofClasses.mul(gamma))
        .mul(T * T)
        .asScalar();
    }
    const within = (axis: number): tf.Tensor => tf.scalar(1).sub(correlation(q, p, axis).mean());
    return within(1)
      .mul(beta)
      .add(within(0).mul(gamma))
      .mul(T * T)
      .asScalar();
  });
}

/** Pearson's correlation along an axis. */
function correlation(a: tf.Tensor2D, b: tf.Tensor2D, axis: number): tf.Tensor {
  return cosine(a.sub(a.mean(axis, true)), b.sub(b.mean(axis, true)), axis);
}

/** Pearson's correlation within each class, over the samples that have a target: [classes]. */
function correlationOver(a: tf.Tensor2D, b: tf.Tensor2D, targeted: tf.Tensor1D): tf.Tensor {
  const has = targeted.expandDims(1); // [batch, 1]
  const count = tf.maximum(has.sum(), 1);
  const centred = (of: tf.Tensor2D): tf.Tensor => of.sub(of.mul(has).sum(0, true).div(count)).mul(has);
  return cosine(centred(a), centred(b), 0);
}

function cosine(x: tf.Tensor, y: tf.Tensor, axis: number): tf.Tensor {
  const norm = (of: tf.Tensor): tf.Tensor =>
    of
      .square()
      .sum(axis)
      .add(EPSILON * EPSILON)
      .sqrt();
  return x
    .mul(y)
    .sum(axis)
    .div(norm(x).mul(norm(y)).add(EPSILON));
}
