import * as tf from "@tensorflow/tfjs";
import type { ArchSpec } from "../config/archSpec.ts";
import { cnn } from "./cnn.ts";
import { initialWeights } from "./initialise.ts";
import { mlp } from "./mlp.ts";
import type { Seed } from "./seed.ts";
import { separable } from "./separable.ts";
import { transformer } from "./transformer.ts";
import { readWeights, writeWeights } from "./weights.ts";

/** Every architecture that a spec can name. */
export const architectures = { mlp, cnn, separable, transformer } as const;

/**
 * A model with its first weights: [batch, ...inputShape] -> logits [batch, classes]. The same arguments give the same
 * bits, whatever was built before. Dispose it after use.
 * @throws DropoutCount, CnnInputShape, SeparableInputShape, TransformerShape, EmptySeed
 */
export function buildModel(
  arch: ArchSpec,
  inputShape: readonly number[],
  classes: number,
  seed: Seed,
): tf.LayersModel {
  const model = buildTopology(arch, inputShape, classes);
  writeWeights(model, initialWeights(readWeights(model), seed, "logits"));
  return model;
}

/** The same model with all weights zero, to be filled by `writeWeights`. */
export function buildTopology(
  arch: ArchSpec,
  inputShape: readonly number[],
  classes: number,
): tf.LayersModel {
  // Every layer has a name of its own choice: TensorFlow.js would count names over the whole process.
  const inputs = tf.input({ shape: [...inputShape], name: "inputs" });
  return tf.model({ inputs, outputs: logitsOf(arch, inputs, classes), name: arch.arch });
}

function logitsOf(arch: ArchSpec, inputs: tf.SymbolicTensor, classes: number): tf.SymbolicTensor {
  switch (arch.arch) {
    case "mlp":
      return architectures.mlp(arch, inputs, classes);
    case "cnn":
      return architectures.cnn(arch, inputs, classes);
    case "separable":
      return architectures.separable(arch, inputs, classes);
    case "transformer":
      return architectures.transformer(arch, inputs, classes);
  }
}

/** Numbers that training changes. */
export function countParameters(model: tf.LayersModel): number {
  return model.trainableWeights.reduce(
    (sum, weight) => sum + weight.shape.reduce<number>((product, n) => product * (n ?? 1), 1),
    0,
  );
}
