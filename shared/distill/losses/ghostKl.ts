import * as tf from "@tensorflow/tfjs";

/** Takes classes out of a log-sum-exp without an infinity, whose gradient would be none. */
const LEFT_OUT = 1e3;

/**
 * Forward KL where classes without a stored probability are one outcome more, the ghost token (DistillKit):
 *
 *   L = T^2 (sum_{c stored} p_c (log p_c - log q_c) + p_t (log p_t - log q_t)),   q = softmax(student / T)
 *   p_t, q_t: sums over the classes that are not stored
 *
 * It is forwardKl less what differs among those classes, so never more.
 *
 * @param student logits, [batch, classes]
 * @param targetLogProbs log p at the same temperature, [batch, classes], finite, however the tail is spread in them; made
 *   outside of the gradient
 * @param stored 1 at the classes that are stored, else 0, [batch, classes]; where all are, there is no outcome more
 * @param T temperature, > 0
 * @returns nats of each sample, [batch]; 0 where student equals target
 */
export function ghostKlRows(
  student: tf.Tensor2D,
  targetLogProbs: tf.Tensor2D,
  stored: tf.Tensor2D,
  T: number,
): tf.Tensor1D {
  return tf.tidy(() => {
    const logQ = tf.logSoftmax(student.div<tf.Tensor2D>(T)); // [batch, classes]
    const top = targetLogProbs.exp().mul(targetLogProbs.sub(logQ)).mul(stored).sum(-1); // [batch]
    const [logPt, logQt] = [logOfTail(targetLogProbs, stored), logOfTail(logQ, stored)]; // [batch]
    // Of an empty tail both logs are about -1000: exp makes it 0, and no difference infinite.
    const tail = logPt.exp().mul(logPt.sub(logQt));
    return top
      .add(tail)
      .mul(T * T)
      .as1D(); // [batch]
  });
}

/** log sum_{c not stored} exp(l_c): [batch, classes] -> [batch]. */
function logOfTail(logProbs: tf.Tensor2D, stored: tf.Tensor2D): tf.Tensor {
  const others = logProbs.sub(stored.mul(LEFT_OUT)); // [batch, classes]
  const largest = others.max(-1, true); // [batch, 1]
  return others
    .sub(largest)
    .exp()
    .sum(-1)
    .log()
    .add(largest.reshape([-1]));
}
