import * as tf from "@tensorflow/tfjs";
import { withGradient } from "../../model/customGradient.ts";
import type { EnsembleRule } from "./ensemble.ts";
import { mixture } from "./mixture.ts";
import { overTheirSum, presences } from "./present.ts";

/** Of one teacher, as the authors have it. */
const LARGEST_SHARE = 0.6;
const SWEEPS = 12;

/**
 * Mean of the teachers' probabilities with the weights for which the student's gradient is shortest (AE-KD, Du et al.
 * 2020): where teachers pull in different directions, one that all agree on. No teacher has more than 0.6, or its equal
 * share where that is more. Where some are absent, the weights come from the samples that all have answered, and are made a
 * sum of 1 over those who are present.
 */
export const minNorm: EnsembleRule = ({ logits, student, present }, temper) =>
  tf.tidy(() => {
    const q = tf.softmax(temper(withoutGradient(student))); // [batch, classes]
    const gradients = logits.map((of) => {
      const own = q.sub(tf.softmax(temper(of)));
      return (present ? own.mul(present.min(-1, true)) : own).reshape([-1]); // [batch * classes]
    });
    const shares = minNormShares(gradients, Math.max(LARGEST_SHARE, 1 / logits.length));
    const [batch] = student.shape;
    const ofAll = shares.map((share) => tf.mul<tf.Tensor1D>(share, tf.ones([batch])));
    if (!present) return mixture(logits, ofAll, temper);
    const there = presences(present);
    // A weight of 0 is one too where it is the only one left.
    const own = ofAll.map((share, k) => tf.maximum(share, 1e-6).mul<tf.Tensor1D>(there[k] as tf.Tensor1D));
    return mixture(logits, overTheirSum(own), temper, present);
  });

/**
 * Weights of sum 1, none above `largest`, for which |sum_k w_k g_k| is smallest. For two vectors that is
 * w_1 = ((g_2 - g_1) . g_2) / |g_1 - g_2|^2, clamped; more are brought there pair by pair, by that very step, in a fixed
 * number of sweeps.
 * @param gradients one [n] a teacher
 * @returns scalars
 */
export function minNormShares(gradients: readonly tf.Tensor[], largest: number): tf.Tensor[] {
  return tf.tidy(() => {
    const count = gradients.length;
    const shares: tf.Tensor[] = gradients.map(() => tf.scalar(1 / count));
    if (count === 1) return shares;
    const products = gradients.map((a) => gradients.map((b) => a.mul(b).sum()));
    const product = (i: number, j: number): tf.Tensor => products[i]?.[j] as tf.Tensor;
    for (let sweep = 0; sweep < (count === 2 ? 1 : SWEEPS); sweep++) {
      for (let i = 0; i < count; i++) {
        for (let j = i + 1; j < count; j++) {
          // With s = w_i + w_j fixed, the norm is a parabola in w_i: down from where it is by its slope.
          const along = (k: number): tf.Tensor =>
            shares.map((share, l) => share.mul(product(k, l))).reduce((sum, part) => sum.add(part));
          const curvature = product(i, i).add(product(j, j)).sub(product(i, j).mul(2));
          const step = along(j).sub(along(i)).div(curvature.add(1e-30));
          const both = (shares[i] as tf.Tensor).add(shares[j] as tf.Tensor);
          const least = tf.maximum(0, both.sub(largest));
          const most = tf.minimum(both, largest);
          const moved = tf.maximum(least, tf.minimum(most, (shares[i] as tf.Tensor).add(step)));
          shares[i] = moved;
          shares[j] = both.sub(moved);
        }
      }
    }
    return shares;
  });
}

/** The same values, through which no gradient flows: TensorFlow.js has no such operation. */
function withoutGradient(x: tf.Tensor2D): tf.Tensor2D {
  return withGradient([x], () => ({
    value: x.clone(),
    saved: [],
    gradient: (dy) => [tf.zerosLike(dy)],
  })) as tf.Tensor2D;
}
