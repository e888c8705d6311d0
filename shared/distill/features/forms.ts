import * as tf from "@tensorflow/tfjs";
import { StillhouseError } from "../../errors.ts";
import type { FeatureLayout } from "../../protocol/features.ts";
import { asMap, type MapShape, pooledShape } from "./mapShapes.ts";

/** A model gives a feature of another shape than the spec says. */
export class FeatureShape extends StillhouseError {}

/**
 * A feature as it crosses the network.
 * @param values as the model gives it, [rows, ...given]
 * @param given its shape without the rows
 * @param name of the teacher, for the error
 * @returns [rows, ...layout.shape]; of `gram` the columns beyond the rows are 0
 * @throws FeatureShape where the layout is of another shape
 */
export function inWireForm(
  values: Float32Array,
  rows: number,
  given: readonly number[],
  layout: FeatureLayout,
  name: string,
): Float32Array {
  const [pooled, shape] = poolValues(values, rows, given, layout.pool);
  const map = asMap(shape);
  switch (layout.form) {
    case "values":
      requireShape(layout, shape, given, name);
      return pooled;
    case "attention":
      requireShape(layout, map ? [map[0], map[1]] : shape, given, name);
      return attention(pooled, map as MapShape);
    case "gram":
      return gram(pooled, rows, layout.shape[0] as number);
  }
}

function poolValues(
  values: Float32Array,
  rows: number,
  given: readonly number[],
  pool: FeatureLayout["pool"],
): [Float32Array, readonly number[]] {
  const map = asMap(given);
  if (pool === null || !map) return [values, given];
  if (pool === "mean") return [averages(values, rows, map, [map[0], map[1]]), [map[2]]];
  const pooled = pooledShape(map, pool);
  if (!pooled.every(Number.isInteger)) return [values, given];
  const shape = given.length === 2 ? [pooled[0], pooled[2]] : pooled;
  return [averages(values, rows, map, [pool, map[1] === 1 ? 1 : pool]), shape];
}

/** Means over windows that lie side by side: [rows, h, w, c] -> [rows, h / tall, w / wide, c]. */
function averages(
  values: Float32Array,
  rows: number,
  [height, width, channels]: MapShape,
  [tall, wide]: readonly [number, number],
): Float32Array {
  const [outHeight, outWidth] = [height / tall, width / wide];
  const out = new Float32Array(rows * outHeight * outWidth * channels);
  for (let row = 0; row < rows; row++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = ((row * height + y) * width + x) * channels;
        const to = ((row * outHeight + Math.floor(y / tall)) * outWidth + Math.floor(x / wide)) * channels;
        for (let c = 0; c < channels; c++) {
          out[to + c] = (out[to + c] as number) + (values[from + c] as number);
        }
      }
    }
  }
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) / (tall * wide);
  return out;
}

/** Mean of squares over the channels: [rows, h, w, c] -> [rows, h, w]. */
function attention(values: Float32Array, [, , channels]: MapShape): Float32Array {
  return Float32Array.from({ length: values.length / channels }, (_, place) => {
    let sum = 0;
    for (let c = place * channels; c < (place + 1) * channels; c++) sum += (values[c] as number) ** 2;
    return sum / channels;
  });
}

/** Products of all pairs of rows: [rows, ...] -> [rows, columns]. */
function gram(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(rows * columns);
  tf.tidy(() => {
    const tensor = tf.tensor2d(values, [rows, values.length / rows]);
    const products = tf.matMul(tensor, tensor, false, true).dataSync();
    for (let row = 0; row < rows; row++) {
      out.set(products.subarray(row * rows, (row + 1) * rows), row * columns);
    }
  });
  return out;
}

function requireShape(
  { name, of, shape }: FeatureLayout,
  seen: readonly number[],
  given: readonly number[],
  teacher: string,
): void {
  if (seen.join() === shape.join()) return;
  throw new FeatureShape(
    `Cannot use the feature "${name}" of teacher "${teacher}" as the spec's shape for it gives [${shape}]: the model's "${of}" has the shape [${given}], which gives [${seen}]; say shape: [${given}]`,
    { fields: { feature: name, expected: shape, seen, given } },
  );
}
