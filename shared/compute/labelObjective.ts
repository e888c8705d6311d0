import type * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/dataset.ts";
import { gatherLabels } from "../data/gather.ts";
import { crossEntropy } from "../distill/losses/crossEntropy.ts";
import type { Objective } from "./objective.ts";

/** Of a training without teachers: cross-entropy with the true labels. */
export function labelObjective(dataset: Pick<Dataset, "labels">): Objective {
  return {
    targets: { labels: { dtype: "int32", shape: [] } },
    gather: (ids) => ({ labels: gatherLabels(dataset, ids) }),
    loss: (logits, targets) => crossEntropy(logits, targets.labels as tf.Tensor1D),
  };
}
