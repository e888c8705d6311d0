import * as tf from "@tensorflow/tfjs";

/**
 * Reverse KL divergence with temperature: it asks the student to be where the teacher is, and forgives what it leaves
 * out (mode-seeking).
 *
 *   L = T^2 * sum_c q (log q - log p),   q = softmax(student / T)
 *
 * @param student logits, [batch, classes]
 * @param targetLogProbs log p at the same temperature, [batch, classes], finite; made outside of the gradient
 * @param T temperature, > 0
 * @returns nats of each sample, [batch]; 0 where student equals target
 */
export function reverseKlRows(student: tf.Tensor2D, targetLogProbs: tf.Tensor2D, T: number): tf.Tensor1D {
  return tf.tidy(() => {
    const logQ = tf.logSoftmax(student.div(T)); // [batch, classes]
    return logQ
      .exp()
      .mul(logQ.sub(targetLogProbs))
      .sum(-1)
      .mul(T * T)
      .as1D(); // [batch]
  });
}
