import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import type { ArchSpec } from "../../shared/config/archSpec.ts";
import { buildTopology } from "../../shared/model/build.ts";
import { seededMasks, withMaskSource } from "../../shared/model/dropout.ts";
import { readWeights, weightSlots, writeWeights } from "../../shared/model/weights.ts";

/** A model whose weights are waves, so that another implementation can have the same without a file between them. */
export function waveModel(arch: ArchSpec, inputShape: readonly number[], classes: number): tf.LayersModel {
  const model = buildTopology(arch, inputShape, classes);
  const waves = readWeights(model).map(({ name, shape, data }, n) => {
    const scale = /gamma|moving_variance/.test(name);
    const wave = data.map((_, i) => (scale ? 1 : 0) + (scale ? 0.3 : 0.8) * Math.sin(1 + n + 0.7 * i));
    return { name, shape, data: wave };
  });
  writeWeights(model, waves);
  return model;
}

/** Gradients of a model's weights for sum_i cos(i) logits_i, in training mode; of each weight sum_j cos(0.3 j) g_j. */
export function waveGradients(model: tf.LayersModel, inputs: tf.Tensor): Record<string, number> {
  const sums: Record<string, number> = {};
  const weights = weightSlots(model).filter(({ trained }) => trained);
  tf.tidy(() => {
    const { grads } = withMaskSource(seededMasks(["wave"], 0), () =>
      tf.variableGrads(
        () => {
          const logits = (model.apply(inputs, { training: true }) as tf.Tensor).flatten();
          const waves = Float32Array.from({ length: logits.size }, (_, i) => Math.cos(i));
          return logits.mul(waves).sum() as tf.Scalar;
        },
        weights.map(({ variable }) => variable),
      ),
    );
    for (const { name, variable } of weights) {
      const gradient = grads[variable.name] as tf.Tensor;
      expect(gradient.shape).toEqual(variable.shape);
      sums[name] = (gradient.dataSync() as Float32Array).reduce(
        (sum, g, j) => sum + g * Math.cos(0.3 * j),
        0,
      );
    }
  });
  return sums;
}

export function logitsOf(model: tf.LayersModel, inputs: tf.Tensor, training = false): number[] {
  const out: number[] = [];
  tf.tidy(() => {
    out.push(
      ...withMaskSource(seededMasks(["wave"], 0), () =>
        (model.apply(inputs, { training }) as tf.Tensor).dataSync(),
      ),
    );
  });
  return out;
}
