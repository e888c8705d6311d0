import * as tf from "@tensorflow/tfjs";
import { gatherInputs } from "../../data/gather.ts";
import { sha256 } from "../../determinism/hash.ts";
import { StillhouseError } from "../../errors.ts";
import { seededMasks } from "../../model/dropout.ts";
import { inferLogits } from "../../model/tapped.ts";
import { weightSlots } from "../../model/weights.ts";
import { eagerGradients } from "../eagerGradients.ts";
import { inputTensor } from "../inputTensor.ts";
import type { Batch } from "../planBatches.ts";
import { targetTensors } from "../targetTensors.ts";
import type { TrainerOptions } from "../trainer.ts";
import type { InputOptions } from "../trainingInputs.ts";
import type { WeightStore } from "../weightStore.ts";
import { encodeModel } from "./encode.ts";
import type { OnnxGraph } from "./graph.ts";

/** A compiled graph computes something else than TensorFlow.js does. */
export class CompiledDiffers extends StillhouseError {}

/*
 * Bounds that rounding keeps at any size, and a wrong graph does not: 2e-2 of a tensor's norm, and 1e-4 of the norm of
 * all tensors together for those that are nearly zero. Rounding alone is a thousand times smaller; but of 100,000
 * activations one may lie so close to 0 that two right ways of summing put it on either side, and a relu then passes
 * its gradient or does not. With batch normalisation at batch 128 that moved a gradient by 6e-3 between TensorFlow.js's
 * own backends, wasm and cpu.
 */
const OF_ITSELF = 2e-2;
const OF_ALL = 1e-4;
/**
 * Of the gradient that logits would send back if each were pushed by 1: a softmax is rounded to 6e-8 of 1, however right it
 * is. A student that has learnt its samples has gradients of that size, where a training is taken up near its end.
 */
const OF_PUSHED = 1e-6;
/** Of the same gradients: an update is a few roundings for each number. */
const OF_UPDATE = 1e-6;
const ROWS_CHECKED = 64;

/** Graphs that were found right in this process: seeds of one student have one graph. */
const checked = new Set<string>();

/** What makes two graphs one. */
export function graphHash(graph: OnnxGraph): string {
  return sha256(encodeModel(graph));
}

export function isChecked(hash: string): boolean {
  return checked.has(hash);
}

/**
 * Computes a step once more with TensorFlow.js, from the same weights, masks and samples, before the weights are
 * updated.
 * @param hash of the graph that computed the step
 * @param moved what the step made of weights that it moves itself
 * @throws CompiledDiffers
 */
export function checkGradients(
  hash: string,
  options: InputOptions & Pick<TrainerOptions, "model" | "objective">,
  store: WeightStore,
  step: number,
  batch: Batch,
  loss: number,
  moved: readonly { name: string; next: Float32Array }[],
): void {
  const { model, objective, maskSeed } = options;
  const slots = weightSlots(model);
  store.writeToModel();
  tf.tidy(() => {
    const rows = batch.ids.length;
    const inputs = inputTensor(options, step, batch);
    const targets = targetTensors(objective, batch.ids, step);
    const eager = eagerGradients(model, slots, objective, inputs, targets, seededMasks(maskSeed, step));
    tf.dispose(eager.emitted);
    const expected = eager.loss.dataSync()[0] as number;
    if (!(Math.abs(loss - expected) <= OF_ITSELF * Math.max(1, Math.abs(expected)))) {
      throw differs("loss", rows, `${loss}, where TensorFlow.js gives ${expected}`);
    }
    const gradients = store.trained().map(({ name, gradient }, i) => ({
      name,
      gradient,
      expected: (eager.gradients[i]?.dataSync() as Float32Array) ?? new Float32Array(gradient.length),
    }));
    const all = Math.hypot(...gradients.map((g) => norm(g.expected)));
    let pushed: readonly number[] | undefined;
    for (const [i, { name, gradient, expected }] of gradients.entries()) {
      const gap = distance(gradient, expected);
      let bound = OF_ITSELF * norm(expected) + OF_ALL * all;
      if (gap <= bound) continue;
      pushed ??= pushedGradients(model, slots, objective, inputs, rows, seededMasks(maskSeed, step));
      bound += OF_PUSHED * (pushed[i] ?? 0);
      if (!(gap <= bound)) {
        throw differs(`gradient of ${name}`, rows, `off by ${gap} in norm, where ${bound} is allowed`);
      }
    }
    for (const { name, next } of moved) {
      const variable = slots.find((slot) => slot.name === name)?.variable.dataSync() as Float32Array;
      const gap = distance(next, variable);
      const bound = OF_ITSELF * norm(variable);
      if (!(gap <= bound)) {
        throw differs(`new ${name}`, rows, `off by ${gap} in norm, where ${bound} is allowed`);
      }
    }
  });
  checked.add(hash);
}

/** Norms of the gradients that come of logits pushed by 1 in every row, those of one class up, of the next down. */
function pushedGradients(
  model: TrainerOptions["model"],
  slots: ReturnType<typeof weightSlots>,
  objective: TrainerOptions["objective"],
  inputs: tf.Tensor,
  rows: number,
  masks: ReturnType<typeof seededMasks>,
): number[] {
  const push = (logits: tf.Tensor2D): tf.Scalar => {
    const [, classes] = logits.shape;
    const signs = tf.tensor2d(
      Float32Array.from({ length: rows * classes }, (_, i) => ((i % classes) % 2 === 0 ? 1 : -1)),
      [rows, classes],
    );
    return tf.sum(tf.mul(logits, signs)).div(rows);
  };
  const { gradients, emitted } = eagerGradients(
    model,
    slots,
    { ...objective, loss: push },
    inputs,
    {},
    masks,
  );
  tf.dispose(emitted);
  return gradients.map((gradient) => (gradient ? norm(gradient.dataSync()) : 0));
}

/**
 * Compares what an optimiser in the graph made of a tensor with what the one in place makes of it.
 * @throws CompiledDiffers
 */
export function checkUpdate(name: string, updated: Float32Array, expected: Float32Array): void {
  const gap = distance(updated, expected);
  const bound = OF_UPDATE * norm(expected) + OF_UPDATE;
  if (gap <= bound) return;
  throw new CompiledDiffers(
    `Cannot go on with the compiled graph as its update of ${name} is off by ${gap} in norm, where ${bound} is allowed: this is a defect of the compiled backend; set compute.update to in-place`,
    { fields: { name } },
  );
}

/** As `checkGradients`, for the logits of a prediction. */
export function checkLogits(
  hash: string,
  { model, dataset }: Pick<TrainerOptions, "model" | "dataset">,
  store: WeightStore,
  ids: Uint32Array,
  logits: Float32Array,
): void {
  store.writeToModel();
  const few = ids.subarray(0, ROWS_CHECKED);
  compareLogits(
    (inputs) => inferLogits(model, inputs),
    gatherInputs(dataset, few),
    [few.length, ...dataset.inputShape],
    logits,
  );
  checked.add(hash);
}

/**
 * @returns the largest difference of a number
 * @throws CompiledDiffers when the first rows of `logits` are not what `forward` gives
 */
export function compareLogits(
  forward: (inputs: tf.Tensor) => tf.Tensor,
  inputs: Float32Array,
  shape: number[],
  logits: Float32Array,
): number {
  let largest = 0;
  tf.tidy(() => {
    const expected = forward(tf.tensor(inputs, shape)).dataSync() as Float32Array;
    const gap = distance(expected, logits);
    const bound = OF_ITSELF * norm(expected) + OF_ALL;
    if (!(gap <= bound)) {
      throw differs("logits", shape[0] as number, `off by ${gap} in norm, where ${bound} is allowed`);
    }
    for (const [i, value] of expected.entries()) {
      largest = Math.max(largest, Math.abs(value - (logits[i] as number)));
    }
  });
  return largest;
}

function differs(what: string, batch: number, how: string): CompiledDiffers {
  return new CompiledDiffers(
    `Cannot go on with the compiled graph as its ${what} on ${batch} samples is ${how}: this is a defect of the compiled backend; prefer another one`,
    { fields: { what, batch } },
  );
}

/** Of the first numbers of `b`, as many as `a` has. */
function distance(a: Float32Array, b: Float32Array): number {
  return norm(a.map((value, i) => value - (b[i] as number)));
}

function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return Math.sqrt(sum);
}
