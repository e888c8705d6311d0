import type * as tf from "@tensorflow/tfjs";
import { StillhouseError } from "../errors.ts";

/** Layers of TensorFlow.js that draw from its own generator while they are trained. */
const drawing = [
  "Dropout",
  "SpatialDropout1D",
  "GaussianNoise",
  "GaussianDropout",
  "AlphaDropout",
  "RandomWidth",
];

/** A layer that would drop other units in every run of the same seed. */
export class UnseededLayer extends StillhouseError {}

/**
 * Checks that nothing in a model draws but through a MaskSource, on whatever backend.
 * @throws UnseededLayer
 */
export function refuseUnseededLayers(model: tf.LayersModel): void {
  const layer = model.layers.find((one) => drawing.includes(one.getClassName()));
  if (!layer) return;
  throw new UnseededLayer(
    `Cannot train model "${model.name}" as its layer "${layer.name}" is a ${layer.getClassName()}, which draws at random: use SeededDropout, whose masks are functions of seed, step and place`,
    { fields: { layer: layer.name, kind: layer.getClassName() } },
  );
}
