import * as tf from "@tensorflow/tfjs";

/** As in the authors' code. */
const EPSILON = 1e-7;

/**
 * A linear embedding of length 1, learnt beside the student.
 * @param features [batch, ...], taken as rows of numbers
 * @param kernel [size, dimension]
 * @param bias [dimension]
 * @returns [batch, dimension]
 */
export function embedding(features: tf.Tensor, kernel: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  return tf.tidy(() => {
    const rows = features.reshape([features.shape[0] as number, -1]) as tf.Tensor2D;
    const linear = rows.matMul<tf.Tensor2D>(kernel).add<tf.Tensor2D>(bias);
    return linear.div(linear.square().sum(1, true).add(EPSILON).sqrt());
  });
}

/**
 * How alike an embedding is to the other side's of the same sample and of others, as the critic wants it:
 * x = exp(a . b / tau) / Z.
 * @param anchors [batch, dimension]
 * @param own of the same samples, [batch, dimension]
 * @param others shared by the batch, [negatives, dimension], or each sample's own, [batch, negatives, dimension]
 * @param normaliser Z, see `normaliserOf`
 * @returns [batch, 1 + negatives]: the sample itself first
 */
export function critic(
  anchors: tf.Tensor2D,
  own: tf.Tensor2D,
  others: tf.Tensor2D | tf.Tensor3D,
  temperature: number,
  normaliser: number,
): tf.Tensor2D {
  return tf.tidy(() => {
    const positive = anchors.mul(own).sum(1, true); // [batch, 1]
    const negative =
      others.rank === 2
        ? tf.matMul(anchors, others as tf.Tensor2D, false, true)
        : tf.matMul(others as tf.Tensor3D, anchors.expandDims(2) as tf.Tensor3D).squeeze([2]); // [batch, negatives]
    const alike = tf.concat([positive, negative as tf.Tensor2D], 1) as tf.Tensor2D;
    return alike.div(temperature).exp().div(normaliser);
  });
}

/**
 * One side of contrastive representation distillation (Tian et al. 2020), by noise-contrastive estimation with K
 * negatives out of N samples.
 *
 *   - mean_b (log(x_0 / (x_0 + K/N)) + sum_k log((K/N) / (x_k + K/N)))
 *
 * @param scores x, [batch, 1 + K], the sample itself first
 * @param samples N
 */
export function contrast(scores: tf.Tensor2D, samples: number): tf.Scalar {
  return tf.tidy(() => {
    const [batch, columns] = scores.shape;
    const noise = (columns - 1) / samples;
    const own = scores.slice([0, 0], [batch, 1]);
    const others = scores.slice([0, 1], [batch, columns - 1]);
    const right = own
      .div(own.add(noise + EPSILON))
      .log()
      .sum();
    const wrong = others
      .add(noise + EPSILON)
      .log()
      .neg()
      .add(Math.log(noise))
      .sum();
    return right.add(wrong).div(-batch).asScalar();
  });
}

/**
 * Z: what exp(a . b / tau) sums to over N unit vectors b that lie anywhere, N E[exp(a . b / tau)]. The authors take it
 * from their first batch, whose embeddings and memory are random: this is what that estimates, and is the same on every
 * machine. The density of the cosine in `dimension` dimensions is (1 - t^2)^((dimension - 3) / 2).
 */
export function normaliserOf(samples: number, dimension: number, temperature: number): number {
  const steps = 4000;
  let [sum, mass] = [0, 0];
  // Over the angle, so that the density is finite in two dimensions too: t = cos(angle), dt = sin(angle).
  for (let i = 0; i < steps; i++) {
    const angle = ((i + 0.5) / steps) * Math.PI;
    const density = Math.sin(angle) ** (dimension - 2);
    sum += density * Math.exp(Math.cos(angle) / temperature);
    mass += density;
  }
  return (samples * sum) / mass;
}
