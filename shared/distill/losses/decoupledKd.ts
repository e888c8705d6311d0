import * as tf from "@tensorflow/tfjs";

export interface DecoupledWeights {
  /** Of the target class's share: right class against all others. */
  readonly alpha: number;
  /** Of the other classes' share: what they are among themselves. */
  readonly beta: number;
}

/** Takes the true class out of a softmax without an infinity, whose gradient would be none. */
const LEFT_OUT = 1e3;

/**
 * Decoupled knowledge distillation (Zhao et al. 2022): KL(p, q) = TCKD + (1 - p_y) NCKD, with weights of their own.
 *
 *   TCKD = KL of (p_y, 1 - p_y) and (q_y, 1 - q_y)
 *   NCKD = KL of the two distributions over the classes other than y
 *   L = T^2 (alpha TCKD + beta NCKD),   q = softmax(student / T)
 *
 * @param student logits, [batch, classes]
 * @param targetLogProbs log p at the same temperature, [batch, classes], finite; made outside of the gradient
 * @param labels class y of each sample, int32, [batch]; -1 where there is none, whose row means nothing
 * @param T temperature, > 0
 * @returns nats of each sample, [batch]; 0 where student equals target
 */
export function decoupledKdRows(
  student: tf.Tensor2D,
  targetLogProbs: tf.Tensor2D,
  labels: tf.Tensor1D,
  T: number,
  { alpha, beta }: DecoupledWeights,
): tf.Tensor1D {
  return tf.tidy(() => {
    const scaled = student.div<tf.Tensor2D>(T);
    const truth = tf.oneHot(labels, student.shape[1]).toFloat() as tf.Tensor2D; // [batch, classes]
    const others = (logits: tf.Tensor2D): tf.Tensor2D => tf.logSoftmax(logits.sub(truth.mul(LEFT_OUT)));
    const [logP, logQ] = [others(targetLogProbs), others(scaled)]; // [batch, classes]
    // The left-out class has probability 0 and a log of about -1000: their product is 0, not NaN.
    const nckd = logP.exp().mul(logP.sub(logQ)).sum(-1); // [batch]
    const tckd = binaryKl(share(targetLogProbs, truth), share(tf.logSoftmax(scaled), truth)); // [batch]
    return tckd
      .mul(alpha)
      .add(nckd.mul(beta))
      .mul(T * T)
      .as1D(); // [batch]
  });
}

/** log p_y and log (1 - p_y), each [batch]; the second as a sum over the others, which keeps its precision near p_y = 1. */
function share(logProbs: tf.Tensor2D, truth: tf.Tensor2D): { right: tf.Tensor; rest: tf.Tensor } {
  const largest = logProbs.sub(truth.mul(LEFT_OUT)).max(-1, true); // [batch, 1]
  const sum = logProbs.sub(truth.mul(LEFT_OUT)).sub(largest).exp().sum(-1); // [batch]
  return { right: logProbs.mul(truth).sum(-1), rest: sum.log().add(largest.reshape([-1])) };
}

function binaryKl(p: ReturnType<typeof share>, q: ReturnType<typeof share>): tf.Tensor {
  return p.right
    .exp()
    .mul(p.right.sub(q.right))
    .add(p.rest.exp().mul(p.rest.sub(q.rest)));
}
