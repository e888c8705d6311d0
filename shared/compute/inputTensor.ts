import * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/dataset.ts";
import { gatherInputs } from "../data/gather.ts";
import { type Batch, sampleShape } from "./planBatches.ts";

/** The inputs of a batch: [rows, ...inputShape], or [rows, length]. */
export function inputTensor(dataset: Dataset, { ids, length }: Batch): tf.Tensor {
  const shape = length === undefined ? { rows: ids.length } : { rows: ids.length, length };
  return tf.tensor(gatherInputs(dataset, ids, undefined, length), [
    ids.length,
    ...sampleShape(shape, dataset.inputShape),
  ]);
}
