import * as tf from "@tensorflow/tfjs";

/** How much an epoch trusts the one before: a_t = a_T t / T_end. @param epoch t, counted from 1 to `epochs` */
export function trustAt(epoch: number, epochs: number, last = 0.8): number {
  return (last * epoch) / epochs;
}

/**
 * Progressive self-knowledge distillation (Kim et al. 2021): labels softened by what the student said an epoch ago.
 *
 *   t = (1 - a) y + a p,   L_b = - sum_c t_c log softmax(student)_c
 *
 * @param student logits, [batch, classes]
 * @param labels int32, [batch]; where it is -1, only a p is left of the target
 * @param previous probabilities p of the epoch before, [batch, classes]; made outside of the gradient
 * @param trust a, one number or [batch]: 0 where a sample has no earlier answer
 * @returns nats of each sample, [batch]
 */
export function psKdRows(
  student: tf.Tensor2D,
  labels: tf.Tensor1D,
  previous: tf.Tensor2D,
  trust: tf.Tensor1D | number,
): tf.Tensor1D {
  return tf.tidy(() => {
    const truth = tf.oneHot(labels, student.shape[1]).toFloat(); // [batch, classes]
    const a = typeof trust === "number" ? trust : trust.expandDims(1); // [batch, 1]
    const target = truth.add(previous.sub(truth).mul(a)); // [batch, classes]
    return target.mul(tf.logSoftmax(student)).sum(1).neg().as1D();
  });
}
