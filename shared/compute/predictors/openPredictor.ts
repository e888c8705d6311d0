import * as tf from "@tensorflow/tfjs";
import { compareLogits } from "../compiled/checkAgainstEager.ts";
import { CompiledForward } from "../compiled/compiledForward.ts";
import { forwardGraph } from "../compiled/forwardGraph.ts";
import type { ComputeSettings } from "../computeSettings.ts";
import { eagerLogits } from "../eagerLogits.ts";
import { orFallBack } from "../fallback.ts";
import { type Predictor, predictInSlices } from "./predictor.ts";

/** A model as its format's loader hands it over. */
export interface LoadedModel {
  readonly inputShape: readonly number[];
  readonly classes: number;
  /** [rows, ...inputShape] -> [rows, classes] */
  forward(inputs: tf.Tensor): tf.Tensor;
  dispose(): void;
}

const ROWS_CHECKED = 2;

/**
 * Predicts with a model by the backend in use. Compiled, the model's weights are constants of its graph, which is
 * checked against TensorFlow.js on a few samples, and the model itself is let go.
 * @throws FallbackRefused, CompiledDiffers; the model is then disposed of
 */
export async function openPredictor(model: LoadedModel, compute: ComputeSettings): Promise<Predictor> {
  try {
    if (compute.backend !== "compiled") return eagerPredictor(model);
    return await orFallBack(
      compute,
      () => compiledPredictor(model, compute),
      () => eagerPredictor(model),
    );
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function eagerPredictor(model: LoadedModel): Predictor {
  const { inputShape, classes } = model;
  return {
    inputShape,
    classes,
    predict: (inputs, rows) =>
      predictInSlices(inputs, rows, model, async (...slice) =>
        eagerLogits((x) => model.forward(x), inputShape, ...slice),
      ),
    close: async () => model.dispose(),
  };
}

async function compiledPredictor(model: LoadedModel, compute: ComputeSettings): Promise<Predictor> {
  const { inputShape, classes } = model;
  const graph = await forwardGraph((inputs) => model.forward(inputs), inputShape);
  const compiled = await CompiledForward.of(graph, inputShape, compute);
  const shape = [ROWS_CHECKED, ...inputShape];
  const sample = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => (i % 17) / 16);
  compareLogits(
    (inputs) => model.forward(inputs),
    sample,
    shape,
    await compiled.predict(sample, ROWS_CHECKED),
  );
  model.dispose();
  return {
    inputShape,
    classes,
    predict: (inputs, rows) =>
      predictInSlices(inputs, rows, { inputShape, classes }, (...slice) => compiled.predict(...slice)),
    close: () => compiled.close(),
  };
}
