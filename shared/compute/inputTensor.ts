import * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/dataset.ts";
import { gatherInputs } from "../data/gather.ts";
import { type Batch, sampleShape, shapeOf } from "./planBatches.ts";

/** The inputs of a batch: [rows, ...inputShape], or [rows, length]. */
export function inputTensor(dataset: Dataset, batch: Batch): tf.Tensor {
  const { ids, length } = batch;
  return tf.tensor(gatherInputs(dataset, ids, undefined, length), [
    ids.length,
    ...sampleShape(shapeOf(batch), dataset.inputShape),
  ]);
}
