import * as tf from "@tensorflow/tfjs";
import { forwardKlRows } from "./forwardKl.ts";
import { reverseKlRows } from "./reverseKl.ts";

/**
 * Generalised Jensen-Shannon divergence (GKD, Agarwal et al. 2024), times T^2 as the other divergences are.
 *
 *   m = beta p + (1 - beta) q
 *   L = T^2 (beta KL(p, m) + (1 - beta) KL(q, m)),   q = softmax(student / T)
 *
 * Towards either end the value vanishes, and what is left of it, divided by beta or by 1 - beta, is a KL: beta 0 is
 * forwardKl, and beta 1 reverseKl.
 *
 * @param student logits, [batch, classes]
 * @param targetLogProbs log p at the same temperature, [batch, classes], finite; made outside of the gradient
 * @param T temperature, > 0
 * @param beta from 0 to 1
 * @returns nats of each sample, [batch]; 0 where student equals target, T^2 ln 2 at most
 */
export function jensenShannonRows(
  student: tf.Tensor2D,
  targetLogProbs: tf.Tensor2D,
  T: number,
  beta: number,
): tf.Tensor1D {
  if (beta === 0) return forwardKlRows(student, targetLogProbs, T);
  if (beta === 1) return reverseKlRows(student, targetLogProbs, T);
  return tf.tidy(() => {
    const logQ = tf.logSoftmax(student.div(T)); // [batch, classes]
    const [p, q] = [targetLogProbs.exp(), logQ.exp()];
    const logM = p
      .mul(beta)
      .add(q.mul(1 - beta))
      .log(); // [batch, classes]
    const ofTarget = p.mul(targetLogProbs.sub(logM)).sum(-1).mul(beta);
    const ofStudent = q
      .mul(logQ.sub(logM))
      .sum(-1)
      .mul(1 - beta);
    return ofTarget
      .add(ofStudent)
      .mul(T * T)
      .as1D(); // [batch]
  });
}
