import * as tf from "@tensorflow/tfjs";
import { type EnsembleRule, normaliseWeights } from "./ensemble.ts";

/**
 * Normalised geometric mean of the teachers' probabilities, which is the softmax of the mean of their logits:
 * log softmax(sum_k w_k v_k / T). One overconfident teacher can veto a class here.
 */
export const geometric: EnsembleRule = ({ logits, weights }, temper) =>
  tf.tidy(() => {
    const shares = normaliseWeights(weights, logits.length);
    const mean = logits
      .map((of, k) => temper(of).mul<tf.Tensor2D>(shares[k] as number))
      .reduce((total, part) => total.add<tf.Tensor2D>(part)); // [batch, classes]
    return tf.logSoftmax(mean);
  });
