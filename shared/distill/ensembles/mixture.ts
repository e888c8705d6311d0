import * as tf from "@tensorflow/tfjs";
import type { Temper } from "./ensemble.ts";
import { presences, SAID_NOTHING } from "./present.ts";

/** Of a share, so that the log of none is finite. */
const SMALLEST_SHARE = 1e-30;

/**
 * Log of a weighted mean of the teachers' probabilities: log sum_k w_k softmax(v_k / T).
 *
 * Computed as a log-sum-exp over the teachers of (log w_k + log softmax(v_k / T)), which keeps the precision of small
 * probabilities. Its KL has the gradient of the weighted mean of the KLs to each teacher.
 *
 * @param logits one [batch, classes] a teacher
 * @param shares one a teacher, of sum 1: a number, or one a sample, [batch]
 * @param present where a teacher said something, [batch, teachers]; absent: everywhere
 * @returns [batch, classes]
 */
export function mixture(
  logits: readonly tf.Tensor2D[],
  shares: readonly (number | tf.Tensor1D)[],
  temper: Temper,
  present?: tf.Tensor2D,
): tf.Tensor2D {
  return tf.tidy(() => {
    const there = present && presences(present);
    const logs = logits.map((of, k) => {
      const share = shares[k] as number | tf.Tensor1D;
      const logShare =
        typeof share === "number" ? Math.log(share) : tf.maximum(share, SMALLEST_SHARE).log().expandDims(1);
      const log = tf.logSoftmax(temper(of)).add<tf.Tensor2D>(logShare);
      // The smallest share is small, and not nothing.
      return there ? log.add<tf.Tensor2D>(nothing(there[k] as tf.Tensor1D)) : log;
    }); // [batch, classes] each
    const largest = logs.reduce((max, log) => tf.maximum(max, log));
    const sum = logs
      .map((log) => log.sub<tf.Tensor2D>(largest).exp())
      .reduce((total, part) => total.add<tf.Tensor2D>(part));
    return sum.log().add<tf.Tensor2D>(largest);
  });
}

/** 0 where a teacher is present, and `SAID_NOTHING` elsewhere: [batch] -> [batch, 1]. */
function nothing(there: tf.Tensor1D): tf.Tensor {
  return tf.sub(1, there).mul(SAID_NOTHING).expandDims(1);
}
