import type * as tf from "@tensorflow/tfjs";
import type { ModelMapping } from "../../config/modelFileSpec.ts";
import { unpackModel } from "../../model/artifact.ts";
import { buildTopology } from "../../model/build.ts";
import { writeWeights } from "../../model/weights.ts";
import type { ComputeSettings } from "../computeSettings.ts";
import { layerFeatures } from "./layerFeatures.ts";
import { type LoadedModel, openPredictor } from "./openPredictor.ts";
import type { Predictor } from "./predictor.ts";

/**
 * A predictor from the bytes of `packModel`.
 * @throws BadModelArtifact, WeightsMismatch
 */
export async function loadNativeModel(bytes: Uint8Array, compute: ComputeSettings): Promise<Predictor> {
  return openPredictor(restoreModel(bytes), compute);
}

/**
 * The model itself.
 * @throws UnknownFeature for a feature that is none of its layers
 */
export function restoreModel(
  bytes: Uint8Array,
  mapping: Partial<Pick<ModelMapping, "features">> = {},
): LoadedModel {
  const { arch, inputShape, classes, weights } = unpackModel(bytes);
  const model = buildTopology(arch, inputShape, classes);
  try {
    writeWeights(model, weights);
    const layers = layerFeatures(model, model.outputs[0] as tf.SymbolicTensor, mapping);
    return {
      inputShape,
      classes,
      forward: (inputs) => model.apply(inputs, { training: false }) as tf.Tensor,
      ...(layers && { inner: { names: layers.names, forward: layers.apply } }),
      dispose: () => void model.dispose(),
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}
