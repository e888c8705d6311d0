import * as tf from "@tensorflow/tfjs";
import { normaliseWeights, type TeachersSay, type Temper } from "./ensemble.ts";
import { presentShares } from "./present.ts";

/** Of a class without a share, so that its log is finite. */
const FLOOR = 1e-7;

/** sum_k w_k of(v_k), with the weights of those who are present made a sum of 1: [batch, classes]. */
export function weightedSum(
  { logits, weights, present }: Pick<TeachersSay, "logits" | "weights" | "present">,
  of: (logits: tf.Tensor2D) => tf.Tensor2D,
): tf.Tensor2D {
  return tf.tidy(() => {
    const shares = present
      ? presentShares(weights, present).map((share) => share.expandDims(1)) // [batch, 1]
      : normaliseWeights(weights, logits.length);
    return logits
      .map((one, k) => of(one).mul<tf.Tensor2D>(shares[k] as number | tf.Tensor))
      .reduce((sum, one) => sum.add<tf.Tensor2D>(one));
  });
}

/** Log-probabilities of shares, which a temperature softens as it softens probabilities. */
export function softenedShares(shares: tf.Tensor2D, temper: Temper): tf.Tensor2D {
  return tf.tidy(() => tf.logSoftmax(temper(tf.maximum(shares, FLOOR).log() as tf.Tensor2D)));
}
