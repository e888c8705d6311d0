import * as tf from "@tensorflow/tfjs";
import { meanOverRows } from "./means.ts";

/**
 * Forward KL divergence with temperature: the distillation term (Hinton, Vinyals, Dean 2015, section 2).
 *
 *   L = T^2 * mean_b sum_c p (log p - log q),   q = softmax(student / T)
 *
 * @param student logits, [batch, classes]
 * @param targetLogProbs log p at the same temperature, [batch, classes], finite; made outside of the gradient
 * @param T temperature, > 0
 * @param targeted 1 where there is a target, else 0, [batch]: the mean is over these; absent: over all
 * @returns scalar, nats per sample; 0 where student equals target. Its gradient is T (q - p) / batch.
 * Mistake to avoid: averaging over classes too, which divides the loss by their number.
 */
export function forwardKl(
  student: tf.Tensor2D,
  targetLogProbs: tf.Tensor2D,
  T: number,
  targeted?: tf.Tensor1D,
): tf.Scalar {
  return tf.tidy(() => meanOverRows(forwardKlRows(student, targetLogProbs, T), targeted));
}

/** The same for each sample: [batch]. */
export function forwardKlRows(student: tf.Tensor2D, targetLogProbs: tf.Tensor2D, T: number): tf.Tensor1D {
  return tf.tidy(() => {
    const logQ = tf.logSoftmax(student.div(T)); // [batch, classes]
    const terms = targetLogProbs.exp().mul(targetLogProbs.sub(logQ)); // [batch, classes]
    return terms
      .sum(-1)
      .mul(T * T)
      .as1D(); // [batch]
  });
}
