import * as tf from "@tensorflow/tfjs";
import type { ArchSpec } from "../config/archSpec.ts";
import { StillhouseError } from "../errors.ts";
import { SeededDropout } from "./dropout.ts";

export class DropoutCount extends StillhouseError {}

/**
 * Dense layers with ReLU, each followed by dropout where its rate is above 0; then the logits.
 * @param inputs [batch, ...inputShape], flattened first
 * @returns logits, [batch, classes], all weights zero
 * @throws DropoutCount when the list of rates has not one for each hidden layer
 */
export function mlp(
  arch: Extract<ArchSpec, { arch: "mlp" }>,
  inputs: tf.SymbolicTensor,
  classes: number,
): tf.SymbolicTensor {
  const rates = Array.isArray(arch.dropout) ? arch.dropout : arch.hidden.map(() => arch.dropout as number);
  if (rates.length !== arch.hidden.length) {
    throw new DropoutCount(
      `Cannot build an mlp with ${arch.hidden.length} hidden layers (hidden) and ${rates.length} dropout rates (dropout): give one number, or one a layer`,
      { fields: { hidden: arch.hidden, dropout: arch.dropout } },
    );
  }
  let x = inputs;
  const add = (layer: tf.layers.Layer): void => {
    x = layer.apply(x) as tf.SymbolicTensor;
  };
  if (inputs.rank > 2) add(tf.layers.flatten({ name: "flatten" })); // [batch, features]
  if (arch.inputDropout > 0) add(new SeededDropout({ name: "dropout_0", rate: arch.inputDropout }));
  arch.hidden.forEach((units, i) => {
    add(
      tf.layers.dense({ name: `dense_${i + 1}`, units, activation: "relu", kernelInitializer: "zeros" }), // [batch, units]
    );
    const rate = rates[i] as number;
    if (rate > 0) add(new SeededDropout({ name: `dropout_${i + 1}`, rate }));
  });
  add(tf.layers.dense({ name: "logits", units: classes, kernelInitializer: "zeros" })); // [batch, classes]
  return x;
}
