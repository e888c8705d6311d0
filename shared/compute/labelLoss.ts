import * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/dataset.ts";
import { gatherLabels } from "../data/gather.ts";
import { crossEntropy } from "../distill/losses/crossEntropy.ts";

/** The loss of a training without teachers: cross-entropy with the true labels of the samples `ids`. */
export function labelLoss(dataset: Dataset, ids: Uint32Array): (logits: tf.Tensor2D) => tf.Scalar {
  const labels = tf.tensor1d(gatherLabels(dataset, ids), "int32");
  return (logits) => crossEntropy(logits, labels);
}
