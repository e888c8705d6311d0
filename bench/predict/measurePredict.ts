import type { ComputeSettings } from "../../shared/compute/computeSettings.ts";
import { loadNativeModel } from "../../shared/compute/predictors/nativeModel.ts";
import { gatherInputs } from "../../shared/data/gather.ts";
import { buildModel } from "../../shared/model/build.ts";
import { packTrained } from "../../shared/model/packTrained.ts";
import { batchAt, benchDataset, shuffledIds } from "../dataset.ts";
import { measure } from "../measure.ts";
import type { Measured, Task } from "../task.ts";

/** Times a teacher's forward pass from stored samples to logits: gather and predict. */
export async function measurePredict(task: Task, compute: ComputeSettings): Promise<Measured> {
  const dataset = benchDataset(task);
  const model = buildModel(task.arch, task.inputShape, task.classes, ["bench"]);
  const { artifact } = packTrained(model, task.arch, dataset);
  model.dispose();
  const predictor = await loadNativeModel(artifact, compute);
  try {
    const order = shuffledIds(dataset);
    return await measure(
      (i) => predictor.predict(gatherInputs(dataset, batchAt(order, task.batch, i)), task.batch),
      task.seconds,
    );
  } finally {
    await predictor.close();
  }
}
