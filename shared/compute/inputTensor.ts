import * as tf from "@tensorflow/tfjs";
import { type Batch, sampleShape, shapeOf } from "./planBatches.ts";
import { type InputOptions, trainingInputs } from "./trainingInputs.ts";

/** The inputs of a step of training: [rows, ...inputShape], or [rows, length]. */
export function inputTensor(options: InputOptions, step: number, batch: Batch): tf.Tensor {
  return tf.tensor(trainingInputs(options, step, batch), [
    batch.ids.length,
    ...sampleShape(shapeOf(batch), options.dataset.inputShape),
  ]);
}
