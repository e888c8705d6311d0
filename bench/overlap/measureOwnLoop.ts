import type { ComputeSettings } from "../../shared/compute/computeSettings.ts";
import { loadNativeModel } from "../../shared/compute/predictors/nativeModel.ts";
import type { Predictor } from "../../shared/compute/predictors/predictor.ts";
import { gatherInputs } from "../../shared/data/gather.ts";
import { buildModel } from "../../shared/model/build.ts";
import { packTrained } from "../../shared/model/packTrained.ts";
import { batchAt, benchDataset, shuffledIds } from "../dataset.ts";
import { measure } from "../measure.ts";
import { openStep } from "../step/measureStep.ts";
import type { Measured, Task } from "../task.ts";

/** Times a step with the teachers in the student's own loop: each predicts the batch, then the student takes its step. */
export async function measureOwnLoop(task: Task, compute: ComputeSettings): Promise<Measured> {
  const { teacherArch, inputShape, classes, teachers, batch } = task;
  if (teacherArch === undefined) throw new Error("the task names no architecture of teachers");
  const dataset = benchDataset(task);
  const artifacts = Array.from({ length: teachers }, (_, k) => {
    const model = buildModel(teacherArch, inputShape, classes, ["bench", k]);
    const { artifact } = packTrained(model, teacherArch, dataset);
    model.dispose();
    return artifact;
  });
  // One after the other: loading one puts TensorFlow.js on another backend for a while.
  const predictors: Predictor[] = [];
  for (const artifact of artifacts) predictors.push(await loadNativeModel(artifact, compute));
  const student = await openStep(task, compute);
  try {
    const order = shuffledIds(dataset);
    return await measure(async (i) => {
      const inputs = gatherInputs(dataset, batchAt(order, batch, i));
      for (const predictor of predictors) await predictor.predict(inputs, batch);
      await student.step(i);
    }, task.seconds);
  } finally {
    await student.close();
    await Promise.all(predictors.map((predictor) => predictor.close()));
  }
}
