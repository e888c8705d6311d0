import * as tf from "@tensorflow/tfjs";
import type { ModelMapping } from "../../config/modelFileSpec.ts";
import { checkFeatures, UnknownFeature } from "./features.ts";

/** A layers model that also gives what some of its layers give. */
export interface WithLayers {
  readonly names: readonly string[];
  /** The model's output first, then the layers' in the order of the names. */
  apply(inputs: tf.Tensor): tf.Tensor[];
}

/**
 * What a spec names of a model's layers. The layers stay the model's.
 * @throws UnknownFeature
 */
export function layerFeatures(
  model: tf.LayersModel,
  output: tf.SymbolicTensor,
  { features }: Partial<Pick<ModelMapping, "features">>,
): WithLayers | undefined {
  if (features === undefined) return undefined;
  const layers = model.layers.map(({ name }) => name);
  const chosen = checkFeatures(features, layers, "layers");
  const inner = chosen.map(({ name, of }) => {
    const { output } = model.getLayer(of);
    if (!Array.isArray(output) && output.dtype === "float32") return output;
    throw new UnknownFeature(
      `Cannot give the feature "${name}" as the layer "${of}" gives ${Array.isArray(output) ? `${output.length} tensors` : output.dtype}, expected one tensor of floats`,
      { fields: { feature: name, of } },
    );
  });
  const whole = tf.model({ inputs: model.inputs, outputs: [output, ...inner] });
  return {
    names: chosen.map(({ name }) => name),
    apply: (inputs) => whole.apply(inputs, { training: false }) as tf.Tensor[],
  };
}
