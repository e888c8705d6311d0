import type * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/dataset.ts";
import { taskOf } from "../data/targets.ts";
import { binaryCrossEntropy } from "../distill/losses/binaryCrossEntropy.ts";
import { crossEntropy } from "../distill/losses/crossEntropy.ts";
import { huber, meanSquaredError } from "../distill/losses/valueErrors.ts";
import type { Objective } from "./objective.ts";
import { answersOf, trueTargets } from "./trueTargets.ts";

/**
 * Of a training without teachers: cross-entropy with the true labels, binary cross-entropy in multi-label, squared error
 * in regression.
 * @param delta of regression: Huber's loss with it instead of the squared error
 */
export function labelObjective(
  dataset: Pick<Dataset, "labels" | "classes" | "targets">,
  delta?: number,
): Objective {
  return { ...trueTargets(dataset), loss: trueLoss(taskOf(dataset), delta) };
}

function trueLoss(task: ReturnType<typeof taskOf>, delta: number | undefined): Objective["loss"] {
  switch (task) {
    case "classification":
      return (logits, targets) => crossEntropy(logits, targets.labels as tf.Tensor1D);
    case "multi-label":
      return (logits, targets) => {
        const { truth, known } = answersOf(targets);
        return binaryCrossEntropy(logits, truth, known);
      };
    case "regression":
      return (values, targets) =>
        delta === undefined
          ? meanSquaredError(values, answersOf(targets))
          : huber(values, answersOf(targets), delta);
  }
}
