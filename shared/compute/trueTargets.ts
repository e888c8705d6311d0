import type * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/dataset.ts";
import { gatherLabels } from "../data/gather.ts";
import { gatherAnswers } from "../data/targets.ts";
import type { Objective } from "./objective.ts";

/**
 * The true answers as targets of a step: `labels` in classification, [batch]; in other tasks `truth` and `known`, [batch,
 * classes], in the numbers that a model learns.
 */
export function trueTargets(
  dataset: Pick<Dataset, "labels" | "classes" | "targets">,
): Pick<Objective, "targets" | "gather"> {
  const { targets, classes } = dataset;
  if (!targets) {
    return {
      targets: { labels: { dtype: "int32", shape: [] } },
      gather: (ids) => ({ labels: gatherLabels(dataset, ids) }),
    };
  }
  const entry = { dtype: "float32", shape: [classes] } as const;
  return {
    targets: { truth: entry, known: entry },
    gather: (ids) => ({ ...gatherAnswers(targets, classes, ids) }),
  };
}

/** The same, as a loss of another task than classification sees them. */
export function answersOf(targets: Readonly<Record<string, tf.Tensor>>): {
  truth: tf.Tensor2D;
  known: tf.Tensor2D;
} {
  return { truth: targets.truth as tf.Tensor2D, known: targets.known as tf.Tensor2D };
}
