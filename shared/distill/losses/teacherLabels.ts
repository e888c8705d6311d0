import * as tf from "@tensorflow/tfjs";
import { firstChoices } from "../firstChoices.ts";

/**
 * Cross-entropy with the teachers' first choice, which is all that is left of a teacher that gives decisions alone.
 * Classes that tie for the first place share it.
 *
 *   L = - sum_c t_c log softmax(student)[c],   t uniform over the classes of the largest p
 *
 * @param student logits, [batch, classes]
 * @param targetLogProbs log p, [batch, classes]; made outside of the gradient
 * @returns nats of each sample, [batch]
 */
export function teacherLabelRows(student: tf.Tensor2D, targetLogProbs: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const target = firstChoices(targetLogProbs); // [batch, classes]
    return target.mul(tf.logSoftmax(student)).sum(-1).neg().as1D(); // [batch]
  });
}
