import * as tf from "@tensorflow/tfjs";

/**
 * Divergence of the classes' Bernoulli distributions with temperature, each class by itself.
 *
 *   L = T^2 * mean_b sum_c KL(p_c, q_c),   q_c = sigmoid(student_c / T),
 *   KL(p, q) = p log (p / q) + (1 - p) log ((1 - p) / (1 - q))
 *
 * @param student logits, [batch, classes]
 * @param targetLogits log odds of p at the same temperature, [batch, classes], finite; made outside of the gradient
 * @param T temperature, > 0
 * @returns scalar, nats per sample; 0 where student equals target. Its gradient is T (q - p) / batch.
 */
export function bernoulliKl(student: tf.Tensor2D, targetLogits: tf.Tensor2D, T: number): tf.Scalar {
  return tf.tidy(() => meanOfSums(divergence(targetLogits, student.div(T)), T));
}

/** The reverse, KL(q, p), which forgives what the student leaves out. @see bernoulliKl */
export function reverseBernoulliKl(student: tf.Tensor2D, targetLogits: tf.Tensor2D, T: number): tf.Scalar {
  return tf.tidy(() => meanOfSums(divergence(student.div(T), targetLogits), T));
}

/** KL of Bernoulli distributions given by their log odds, from log sigmoid(x) = -softplus(-x): it keeps small terms. */
function divergence(from: tf.Tensor, to: tf.Tensor): tf.Tensor {
  const yes = tf.softplus(to.neg()).sub(tf.softplus(from.neg())); // log p - log q
  const no = tf.softplus(to).sub(tf.softplus(from)); // log (1 - p) - log (1 - q)
  return tf.sigmoid(from).mul(yes).add(tf.sigmoid(from.neg()).mul(no)); // [batch, classes]
}

function meanOfSums(entries: tf.Tensor, T: number): tf.Scalar {
  return entries
    .sum(-1)
    .mean()
    .mul(T * T)
    .asScalar();
}
