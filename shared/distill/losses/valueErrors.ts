import * as tf from "@tensorflow/tfjs";
import { meanOverKnown } from "./binaryCrossEntropy.ts";

/** True numbers of a batch, [batch, outputs] each: `known` is 1 where there is one, else 0. */
export interface TrueValues {
  readonly truth: tf.Tensor2D;
  readonly known: tf.Tensor2D;
}

/**
 * Mean squared error over the known numbers.
 *
 *   L = sum_{known bo} (z_bo - y_bo)^2 / (number known)
 *
 * @param student z, [batch, outputs]
 * @returns scalar; 0 with gradient 0 where nothing is known
 */
export function meanSquaredError(student: tf.Tensor2D, { truth, known }: TrueValues): tf.Scalar {
  return tf.tidy(() => meanOverKnown(student.sub(truth).square(), known));
}

/**
 * Huber's loss (1964): half the square of small errors, and the absolute value of large ones, in which an outlier pulls no
 * more than any other.
 *
 *   h(e) = e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2);   L = mean over the known numbers of h(z - y)
 *
 * @param student z, [batch, outputs]
 * @returns scalar; 0 with gradient 0 where nothing is known
 */
export function huber(student: tf.Tensor2D, { truth, known }: TrueValues, delta: number): tf.Scalar {
  return tf.tidy(() => {
    const size = student.sub(truth).abs(); // [batch, outputs]
    const most = tf.minimum(size, delta);
    // most^2 / 2 + delta (size - most): its gradient is that of h, as one of the two parts stands still.
    const entries = most.square().mul(0.5).add(size.sub(most).mul(delta));
    return meanOverKnown(entries, known);
  });
}

/**
 * Squared difference from what the teachers say, the regression of distillation (Ba, Caruana 2014, of numbers).
 *
 *   L = mean_b mean_o (z_bo - v_bo)^2
 *
 * @param student z, [batch, outputs]
 * @param teacher v, the teachers' combination, [batch, outputs]; outside of the gradient
 * @returns scalar; 0 where student equals teacher
 */
export function valueMse(student: tf.Tensor2D, teacher: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => student.sub(teacher).square().mean().asScalar());
}

/**
 * Teacher-bounded regression (Chen, Choi, Yu, Han, Chandraker 2017, eq. 5): the teachers are no target but a bound, beyond
 * which the student is let go.
 *
 *   L = mean over samples of which all or some is known of
 *       |z - y|^2 where |z - y|^2 + margin > |v - y|^2, else 0
 *
 * with |.|^2 the mean square over the known outputs of a sample.
 *
 * @param student z, [batch, outputs]
 * @param teacher v, [batch, outputs]; outside of the gradient
 * @returns scalar; 0 with gradient 0 where nothing is known
 */
export function teacherBounded(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  { truth, known }: TrueValues,
  margin: number,
): tf.Scalar {
  return tf.tidy(() => {
    const counts = known.sum(-1); // [batch]
    const error = (of: tf.Tensor2D): tf.Tensor =>
      of.sub(truth).square().mul(known).sum(-1).div(tf.maximum(counts, 1)); // [batch]
    const own = error(student);
    // 1 above the bound, else 0; its gradient is 0, where a comparison would have none.
    const counted = own.add(margin).sub(error(teacher)).step();
    return meanOverKnown(own.mul(counted), tf.minimum(counts, 1));
  });
}
