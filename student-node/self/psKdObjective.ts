import type * as tf from "@tensorflow/tfjs";
import type { Objective } from "../../shared/compute/objective.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { gatherLabels } from "../../shared/data/gather.ts";
import { meanOverLabelled } from "../../shared/distill/losses/means.ts";
import { psKdRows, trustAt } from "../../shared/distill/losses/psKd.ts";
import { PreviousAnswers } from "./previousAnswers.ts";

/**
 * Progressive self-knowledge distillation by sample id. As in the authors' code, what a student said of a sample is what
 * its training step made of it in the epoch before, dropout included, and costs no forward pass; a sample that was not
 * seen yet has its label alone. Averages over the labelled samples.
 * @param alpha the trust in the last epoch
 */
export function psKdObjective(
  { alpha }: { readonly alpha: number },
  dataset: Dataset,
  { epochs, stepsPerEpoch }: { readonly epochs: number; readonly stepsPerEpoch: number },
): Objective {
  const answers = new PreviousAnswers(dataset.splits.train, dataset.classes);
  return {
    targets: {
      labels: { dtype: "int32", shape: [] },
      previous: { dtype: "float32", shape: [dataset.classes] },
      trust: { dtype: "float32", shape: [] },
    },
    emits: { logits: [dataset.classes] },
    memory: {
      after: (_, { ids }, { logits }) => answers.remember(ids, logits as Float32Array),
      snapshot: () => answers.snapshot(),
      restore: (snapshot) => answers.restore(snapshot),
    },
    gather(ids, step) {
      const { probabilities, known } = answers.recall(ids);
      const trust = trustAt(Math.floor(step / stepsPerEpoch) + 1, epochs, alpha);
      return {
        labels: gatherLabels(dataset, ids),
        previous: probabilities,
        trust: Float32Array.from(known, (one) => (one ? trust : 0)),
      };
    },
    loss(logits, { labels, previous, trust }, student) {
      student.emit("logits", logits.clone());
      return meanOverLabelled(
        psKdRows(logits, labels as tf.Tensor1D, previous as tf.Tensor2D, trust as tf.Tensor1D),
        labels as tf.Tensor1D,
      );
    },
  };
}
