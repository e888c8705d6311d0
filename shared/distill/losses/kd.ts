import * as tf from "@tensorflow/tfjs";
import { crossEntropy } from "./crossEntropy.ts";
import { forwardKl, forwardKlRows } from "./forwardKl.ts";

export interface DistillationBatch {
  /** Logits, [batch, classes]. */
  student: tf.Tensor2D;
  /** Log-probabilities at `temperature`, [batch, classes]; any finite numbers where a sample has no target. */
  targetLogProbs: tf.Tensor2D;
  /** 1 where a sample has a target and 0 where not, [batch]; absent: all have one. */
  hasTarget?: tf.Tensor1D;
  /** Class of each sample, int32, [batch]; -1 where there is none. */
  labels: tf.Tensor1D;
  /** T, > 0. */
  temperature: number;
  /** Share of the distillation term, from 0 to 1. */
  alpha: number;
}

/**
 * Knowledge distillation (Hinton, Vinyals, Dean 2015).
 *
 *   L = alpha * T^2 mean KL(p, q) + (1 - alpha) * mean CE(y)
 *
 * The KL averages over the samples with a target, the cross-entropy over those with a label, and alpha mixes the two
 * means. A side that no sample of the batch has contributes 0, and the other keeps its share: alpha is not moved.
 *
 * @returns scalar, nats per sample
 */
export function distillationLoss(batch: DistillationBatch): tf.Scalar {
  const { student, targetLogProbs, hasTarget, labels, temperature: T, alpha } = batch;
  return tf.tidy(() => {
    // Each side costs a fifth of a small student's step, so a side without weight is left out.
    const soft = (): tf.Scalar =>
      hasTarget
        ? meanWhere(forwardKlRows(student, targetLogProbs, T), hasTarget)
        : forwardKl(student, targetLogProbs, T);
    if (alpha === 1) return soft();
    const hard = crossEntropy(student, labels).mul<tf.Scalar>(1 - alpha);
    return alpha === 0 ? hard : soft().mul(alpha).add<tf.Scalar>(hard);
  });
}

/** Mean of `rows` over those with `has` = 1, and 0 where there are none. */
function meanWhere(rows: tf.Tensor1D, has: tf.Tensor1D): tf.Scalar {
  const mask = has.toFloat();
  return rows.mul(mask).sum().div(tf.maximum(mask.sum(), 1)).asScalar();
}
