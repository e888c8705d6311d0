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
 * @throws FeatureShape where the model's tensor has another shape than the layout says
 */
export function inWireForm(
  values: Float32Array,
  rows: number,
  given: readonly number[],
  layout: FeatureLayout,
  name: string,
): Float32Array {
  requireShape(layout, given, name);
  const ordered = layout.order === "nchw" ? channelsLast(values, rows, given) : values;
  const [pooled, shape] = poolValues(ordered, rows, layout.tensor, layout.pool);
  switch (layout.form) {
    case "values":
      return pooled;
    case "attention":
      return attention(pooled, asMap(shape) as MapShape);
    case "gram":
      return gram(pooled, rows, layout.shape[0] as number);
  }
}

/** [rows, c, h, w] -> [rows, h, w, c]; what is no map stays. */
function channelsLast(values: Float32Array, rows: number, given: readonly number[]): Float32Array {
  const [channels = 0, height = 0, width = 0] = given;
  if (given.length !== 3) return values;
  const places = height * width;
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const start = row * places * channels;
    for (let c = 0; c < channels; c++) {
      for (let place = 0; place < places; place++) {
        out[start + place * channels + c] = values[start + c * places + place] as number;
      }
    }
  }
  return out;
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

/** Root of the mean of squares over the channels, which half precision holds as well as the map: [rows, h, w, c] -> [rows, h, w]. */
function attention(values: Float32Array, [, , channels]: MapShape): Float32Array {
  return Float32Array.from({ length: values.length / channels }, (_, place) => {
    let sum = 0;
    for (let c = place * channels; c < (place + 1) * channels; c++) sum += (values[c] as number) ** 2;
    return Math.sqrt(sum / channels);
  });
}

/** Products of all pairs of rows: [rows, ...] -> [rows, columns]. */
function gram(values: Float32Array, rows: number, columns: number): Float32Array {
  if (rows > columns) {
    throw new RangeError(
      `Cannot give products of ${rows} samples: the feature has room for ${columns}, a chunk`,
    );
  }
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
  { name, of, tensor, order }: FeatureLayout,
  given: readonly number[],
  teacher: string,
): void {
  const [c = 0, h = 0, w = 0] = given;
  const last = order === "nchw" && given.length === 3 ? [h, w, c] : given;
  if (last.join() === tensor.join()) return;
  const turned = order === "nchw" ? "nhwc" : "nchw";
  const other = order === "nchw" ? given : [h, w, c];
  const fix =
    given.length === 3 && other.join() === tensor.join()
      ? `say layout: ${turned}`
      : `say shape: [${last}], channels last`;
  throw new FeatureShape(
    `Cannot use the feature "${name}" of teacher "${teacher}" as the spec's shape for it is [${tensor}]: the model's "${of}" has the shape [${given}], read as ${order}; ${fix}`,
    { fields: { feature: name, expected: tensor, given, order } },
  );
}
