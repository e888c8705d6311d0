import type * as tf from "@tensorflow/tfjs";
import { unpackModel } from "../../model/artifact.ts";
import { buildTopology } from "../../model/build.ts";
import { writeWeights } from "../../model/weights.ts";
import { type Predictor, predictInSlices } from "./predictor.ts";

/**
 * A predictor from the bytes of `packModel`.
 * @throws BadModelArtifact, WeightsMismatch
 */
export function loadNativeModel(bytes: Uint8Array): Predictor {
  const { arch, inputShape, classes, weights } = unpackModel(bytes);
  const model = buildTopology(arch, inputShape, classes);
  try {
    writeWeights(model, weights);
  } catch (error) {
    model.dispose();
    throw error;
  }
  const forward = (inputs: tf.Tensor): tf.Tensor => model.apply(inputs, { training: false }) as tf.Tensor;
  return {
    inputShape,
    classes,
    predict: (inputs, rows) => predictInSlices(inputs, rows, { inputShape, classes, forward }),
    dispose: () => void model.dispose(),
  };
}
