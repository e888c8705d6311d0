import { StillhouseError } from "../../errors.ts";
import { checkRows } from "./features.ts";

/** A model in inference mode, of whatever origin. */
export interface Predictor {
  /** Without the batch. */
  readonly inputShape: readonly number[];
  readonly classes: number;
  /**
   * @param inputs [rows, ...sample], row-major, in the data's natural range: [0, 1] for images
   * @returns logits, [rows, classes]; not checked for NaN
   * @throws InputShapeMismatch when a sample has not as many numbers as the model takes
   */
  predict(inputs: Float32Array, rows: number): Promise<Float32Array>;
  /** The same with inner tensors, where the spec names some. */
  readonly predictWithFeatures?: (inputs: Float32Array, rows: number) => Promise<WithFeatures>;
  close(): Promise<void>;
}

/** Logits, and inner tensors by the names that the spec gives them. */
export interface WithFeatures {
  /** [rows, classes] */
  readonly logits: Float32Array;
  readonly features: Readonly<Record<string, Feature>>;
}

/** An inner tensor of a model. */
export interface Feature {
  /** Of one sample, as the model has it. */
  readonly shape: readonly number[];
  /** [rows, ...shape] */
  readonly values: Float32Array;
}

/** Samples of the wrong size for a model. */
export class InputShapeMismatch extends StillhouseError {}

/** Rows that go through a model at once, which bounds its memory. */
export const ROWS_AT_ONCE = 512;

export interface SliceOptions {
  /** Of a sample. */
  readonly inputShape: readonly number[];
  /** Rows that the model takes at once, no more and no fewer; absent: any number. */
  readonly batch?: number | null | undefined;
}

/**
 * Predicts in slices of at most ROWS_AT_ONCE rows, or in whole batches where the model fixes them: the last is filled
 * up with copies of its last sample, whose answers are dropped. Samples are reshaped to the model's input where the
 * number of values agrees: [784] fits [28, 28, 1].
 * @param run [rows, ...inputShape] -> tensors of [rows, ...]
 * @returns the same tensors for all rows
 * @throws InputShapeMismatch
 */
export async function predictInSlices(
  inputs: Float32Array,
  rows: number,
  { inputShape, batch }: SliceOptions,
  run: (inputs: Float32Array, rows: number) => Promise<readonly Float32Array[]>,
): Promise<readonly Float32Array[]> {
  const size = inputShape.reduce((product, n) => product * n, 1);
  if (inputs.length !== rows * size) {
    throw new InputShapeMismatch(
      `Cannot predict ${rows} samples of ${inputs.length / rows} numbers each: the model takes inputs of shape [${inputShape.join(", ")}], which is ${size} numbers`,
      { fields: { rows, numbers: inputs.length, inputShape } },
    );
  }
  const atOnce = batch ?? ROWS_AT_ONCE;
  if (rows === atOnce || (!batch && rows < atOnce)) return run(inputs, rows);
  let joined: Float32Array[] | undefined;
  for (let from = 0; from < rows; from += atOnce) {
    const count = Math.min(atOnce, rows - from);
    const slice = inputs.subarray(from * size, (from + count) * size);
    const taken = batch ?? count;
    const outputs = await run(filledUp(slice, size, taken), taken);
    joined ??= outputs.map(({ length }) => new Float32Array((rows * length) / taken));
    for (const [i, values] of outputs.entries()) {
      const width = values.length / taken;
      joined[i]?.set(values.subarray(0, count * width), from * width);
    }
  }
  return joined ?? [];
}

/** Samples, the last of them repeated until there are `rows`. */
function filledUp(samples: Float32Array, size: number, rows: number): Float32Array {
  if (samples.length === rows * size) return samples;
  const whole = new Float32Array(rows * size);
  whole.set(samples);
  for (let at = samples.length; at < whole.length; at += size) whole.set(samples.subarray(-size), at);
  return whole;
}

/** An inner tensor as a model gives it, for a slice. */
export interface GivenTensor {
  /** [rows, ...shape] */
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Logits with features, slice by slice.
 * @param names of the features
 * @param run gives the logits first, then the features in their order
 */
export async function featuresInSlices(
  inputs: Float32Array,
  rows: number,
  options: SliceOptions,
  names: readonly string[],
  run: (inputs: Float32Array, rows: number) => Promise<readonly GivenTensor[]>,
): Promise<WithFeatures> {
  let shapes: (readonly number[])[] = [];
  const [logits, ...values] = await predictInSlices(inputs, rows, options, async (...slice) => {
    const given = await run(...slice);
    for (const [i, name] of names.entries()) checkRows(name, given[i + 1]?.shape ?? [], slice[1]);
    shapes = given.map(({ shape }) => shape.slice(1));
    return given.map((tensor) => tensor.values);
  });
  const features = names.map((name, i) => {
    return [name, { shape: shapes[i + 1] ?? [], values: values[i] ?? new Float32Array() }] as const;
  });
  return { logits: logits ?? new Float32Array(), features: Object.fromEntries(features) };
}
