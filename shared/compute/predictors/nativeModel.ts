import type * as tf from "@tensorflow/tfjs";
import { unpackModel } from "../../model/artifact.ts";
import { buildTopology } from "../../model/build.ts";
import { writeWeights } from "../../model/weights.ts";
import type { ComputeSettings } from "../computeSettings.ts";
import { type LoadedModel, openPredictor } from "./openPredictor.ts";
import type { Predictor } from "./predictor.ts";

/**
 * A predictor from the bytes of `packModel`.
 * @throws BadModelArtifact, WeightsMismatch
 */
export async function loadNativeModel(bytes: Uint8Array, compute: ComputeSettings): Promise<Predictor> {
  return openPredictor(restoreModel(bytes), compute);
}

/** The model itself. */
export function restoreModel(bytes: Uint8Array): LoadedModel {
  const { arch, inputShape, classes, weights } = unpackModel(bytes);
  const model = buildTopology(arch, inputShape, classes);
  try {
    writeWeights(model, weights);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return {
    inputShape,
    classes,
    forward: (inputs) => model.apply(inputs, { training: false }) as tf.Tensor,
    dispose: () => void model.dispose(),
  };
}
