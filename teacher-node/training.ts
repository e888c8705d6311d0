import { requireShiftable } from "../shared/compute/augmentInputs.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../shared/compute/checkpoint.ts";
import type { ComputeSettings } from "../shared/compute/computeSettings.ts";
import { labelObjective } from "../shared/compute/labelObjective.ts";
import { planBatches } from "../shared/compute/planBatches.ts";
import { trainLoop } from "../shared/compute/trainLoop.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { outsideFold } from "../shared/data/folds.ts";
import { labelledIds } from "../shared/data/gather.ts";
import { dataOfClasses } from "../shared/data/ownClasses.ts";
import { rng } from "../shared/determinism/rng.ts";
import { buildModel } from "../shared/model/build.ts";
import { packTrained } from "../shared/model/packTrained.ts";
import type { TeacherTraining, TrainedModel, TrainingHooks } from "./compute.ts";

/**
 * Trains a teacher on the labelled samples of the training split, without those of its fold where it has one, with
 * plain cross-entropy; one that knows a part of the classes on samples of these alone. Everything random comes
 * from the teacher's name and its own seed, so the same recipe gives the same weights in every run.
 */
export async function trainTeacher(
  task: TeacherTraining,
  data: Dataset,
  compute: ComputeSettings,
  { onProgress, onCheckpoint, isInterrupted }: TrainingHooks & { isInterrupted(): boolean },
): Promise<TrainedModel> {
  const dataset = task.classes ? dataOfClasses(data, task.classes) : data;
  const seed = ["teacher", task.name, task.train.seed];
  const { train } = dataset.splits;
  const ids = task.fold ? outsideFold(dataset.shards, train, task.fold) : train;
  const labelled = labelledIds(dataset, ids);
  const { augment } = task.train;
  if (augment) requireShiftable(augment, dataset, `teacher "${task.name}"`);
  let checkpointedAt = performance.now();
  const model = buildModel(task.model, dataset.inputShape, dataset.classes, seed);
  try {
    const { curve } = await trainLoop({
      model,
      dataset,
      train: task.train,
      augment,
      maskSeed: seed,
      batchesOf: (epoch) => {
        const stream = rng("teacher", task.name, task.train.seed, "order", epoch);
        return planBatches(dataset, stream.shuffle(labelled.slice()), task.train);
      },
      objective: labelObjective(dataset),
      compute,
      resume: task.checkpoint ? decodeCheckpoint(task.checkpoint) : undefined,
      // By time, as a step may take a thousandth of a second or ten.
      isCheckpointDue: () => performance.now() - checkpointedAt >= task.checkpointMs,
      onCheckpoint: async (state) => {
        await onCheckpoint(state.step, encodeCheckpoint(state));
        checkpointedAt = performance.now();
      },
      isInterrupted,
      onProgress,
      now: () => performance.now(),
    });
    return { ...packTrained(model, task.model, dataset), curve };
  } finally {
    model.dispose();
  }
}
