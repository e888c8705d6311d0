import type * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/dataset.ts";
import { gatherInputs } from "../data/gather.ts";
import { predictInSlices, ROWS_AT_ONCE } from "./predictors/predictor.ts";

/** Logits of a model, in inference mode, for the samples `ids`: [ids.length, classes], row-major. */
export function predictLogits(model: tf.LayersModel, dataset: Dataset, ids: Uint32Array): Float32Array {
  const { classes, inputShape } = dataset;
  const forward = (inputs: tf.Tensor): tf.Tensor => model.apply(inputs, { training: false }) as tf.Tensor;
  const out = new Float32Array(ids.length * classes);
  // Gathered slice by slice, so that a split larger than memory's worth of floats can be scored.
  for (let from = 0; from < ids.length; from += ROWS_AT_ONCE) {
    const slice = ids.subarray(from, from + ROWS_AT_ONCE);
    const inputs = gatherInputs(dataset, slice);
    out.set(predictInSlices(inputs, slice.length, { inputShape, classes, forward }), from * classes);
  }
  return out;
}
