import * as tf from "@tensorflow/tfjs";
import { type EnsembleRule, normaliseWeights } from "./ensemble.ts";

/**
 * Normalised geometric mean of the teachers' probabilities, which is the softmax of the mean of their logits:
 * log softmax(sum_k w_k v_k / T). One overconfident teacher can veto a class here.
 */
export const geometric: EnsembleRule = (teacherLogits, weights, T) =>
  tf.tidy(() => {
    const shares = normaliseWeights(weights, teacherLogits.length);
    const mean = teacherLogits
      .map((logits, k) => logits.mul<tf.Tensor2D>((shares[k] as number) / T))
      .reduce((total, part) => total.add<tf.Tensor2D>(part)); // [batch, classes]
    return tf.logSoftmax(mean);
  });
