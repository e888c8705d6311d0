import type * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/dataset.ts";
import { gatherInputs } from "../data/gather.ts";
import { inferLogits } from "../model/tapped.ts";
import { eagerLogits } from "./eagerLogits.ts";
import { type Predictor, ROWS_AT_ONCE } from "./predictors/predictor.ts";

/**
 * Logits for the samples `ids`: [ids.length, classes], row-major. They are gathered slice by slice, so that a split
 * larger than memory's worth of floats can be predicted.
 */
export async function predictLogits(
  predictor: Pick<Predictor, "predict">,
  dataset: Dataset,
  ids: Uint32Array,
): Promise<Float32Array> {
  const out = new Float32Array(ids.length * dataset.classes);
  for (let from = 0; from < ids.length; from += ROWS_AT_ONCE) {
    const slice = ids.subarray(from, from + ROWS_AT_ONCE);
    out.set(await predictor.predict(gatherInputs(dataset, slice), slice.length), from * dataset.classes);
  }
  return out;
}

/** As a Predictor's: a model in inference mode with the weights that it has now, by TensorFlow.js. */
export function eagerPredict(model: tf.LayersModel, { inputShape }: Dataset): Predictor["predict"] {
  return async (inputs, rows) => eagerLogits((x) => inferLogits(model, x), inputShape, inputs, rows);
}
