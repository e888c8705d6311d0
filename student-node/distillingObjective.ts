import type * as tf from "@tensorflow/tfjs";
import type { Objective } from "../shared/compute/objective.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import { ensembleRules } from "../shared/distill/ensembles/registry.ts";
import { distillationLoss } from "../shared/distill/losses/kd.ts";
import type { LabelStoreReader } from "../shared/labels/labelStore.ts";
import type { StudentTraining } from "./compute.ts";
import { teacherLogits } from "./teacherLogits.ts";

/** Learning from the teachers' labels, combined in the step, and from the true labels where there are any. */
export function distillingObjective(
  { loss, ensemble, teachers }: Pick<StudentTraining, "loss" | "ensemble" | "teachers">,
  dataset: Dataset,
  labels: LabelStoreReader,
): Objective {
  const { temperature, alpha } = loss;
  const combine = ensembleRules[ensemble.rule];
  const weights = ensemble.weights ?? new Array<number>(teachers).fill(1);
  const names = weights.map((_, k) => `teacher-${k}`);
  return {
    targets: {
      labels: { dtype: "int32", shape: [] },
      ...Object.fromEntries(
        names.map((name) => [name, { dtype: "float32", shape: [dataset.classes] } as const]),
      ),
    },
    gather(ids) {
      return {
        labels: gatherLabels(dataset, ids),
        ...Object.fromEntries(names.map((name, k) => [name, teacherLogits(labels, dataset, k, ids)])),
      };
    },
    loss(student, targets) {
      const logits = names.map((name) => targets[name] as tf.Tensor2D);
      const targetLogProbs = combine(logits, weights, temperature); // [batch, classes]
      return distillationLoss({
        student,
        targetLogProbs,
        labels: targets.labels as tf.Tensor1D,
        temperature,
        alpha,
      });
    },
  };
}
