import * as tf from "@tensorflow/tfjs";
import { type TrainProgress, trainLoop } from "../shared/compute/trainLoop.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import { rng } from "../shared/determinism/rng.ts";
import { crossEntropy } from "../shared/distill/losses/crossEntropy.ts";
import { packModel } from "../shared/model/artifact.ts";
import { buildModel, countParameters } from "../shared/model/build.ts";
import { readWeights, weightsHash } from "../shared/model/weights.ts";
import type { TeacherTraining, TrainedModel } from "./compute.ts";

/**
 * Trains a teacher on the labelled samples of the training split with plain cross-entropy. Everything random comes
 * from the teacher's name and its own seed, so the same recipe gives the same weights in every run.
 */
export async function trainTeacher(
  task: TeacherTraining,
  dataset: Dataset,
  onProgress: (progress: TrainProgress) => void,
): Promise<TrainedModel> {
  const seed = ["teacher", task.name, task.train.seed];
  const labels = gatherLabels(dataset, dataset.splits.train);
  const labelled = dataset.splits.train.filter((_, i) => (labels[i] as number) >= 0);
  const model = buildModel(task.model, dataset.inputShape, dataset.classes, seed);
  try {
    const { curve } = await trainLoop({
      model,
      dataset,
      train: task.train,
      maskSeed: seed,
      orderOf: (epoch) =>
        rng("teacher", task.name, task.train.seed, "order", epoch).shuffle(labelled.slice()),
      lossOf(ids) {
        const labels = tf.tensor1d(gatherLabels(dataset, ids), "int32");
        return (logits) => crossEntropy(logits, labels);
      },
      onProgress,
      now: () => performance.now(),
    });
    const weights = readWeights(model);
    const artifact = packModel({
      arch: task.model,
      inputShape: dataset.inputShape,
      inputScale: dataset.inputScale,
      classes: dataset.classes,
      weights,
    });
    return { artifact, weightsHash: weightsHash(weights), parameters: countParameters(model), curve };
  } finally {
    model.dispose();
  }
}
