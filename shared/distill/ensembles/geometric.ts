import * as tf from "@tensorflow/tfjs";
import type { EnsembleRule } from "./ensemble.ts";
import { weightedSum } from "./weightedShares.ts";

/**
 * Normalised geometric mean of the teachers' probabilities, which is the softmax of the mean of their logits:
 * log softmax(sum_k w_k v_k / T). One overconfident teacher can veto a class here.
 */
export const geometric: EnsembleRule = (said, temper) =>
  tf.tidy(() => tf.logSoftmax(weightedSum(said, temper)));
