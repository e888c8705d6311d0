import type { Graph, Value } from "../graph.ts";
import type { Windows } from "./convolutionGeometry.ts";
import { reshape, transpose } from "./operators.ts";

/*
 * A convolution of one channel with a filter is a product with a matrix that says which pixel each tap of the filter
 * brings to which output: y = x T, T[p, q] = the weight of the tap through which pixel p reaches output q. On small
 * images such a product does many times the arithmetic, in a form that keeps the processor busy: for 128 channels, 3 by
 * 3 on 7 by 7, batch 128, ConvTranspose takes 8.6 ms, and the product 0.8 with 0.4 for each transpose; by the filter, a
 * grouped Conv takes 8.0 after 3.2 of pads and transposes, and the product 1.0.
 */

/** Up to how many pairs of a pixel and an output the products are the faster way. */
const MOST_PAIRS = { forward: 196 * 49, gradient: 196 * 196 } as const;

export function asProducts(windows: Windows, way: keyof typeof MOST_PAIRS): boolean {
  const { channels, outChannels, input, output } = windows;
  return channels === outChannels && input[0] * input[1] * output[0] * output[1] <= MOST_PAIRS[way];
}

/**
 * The convolution itself: y = x T.
 * @param x [batch, channels, height, width]
 * @param filter [height, width, channels, 1]
 * @returns [batch, channels, out height, out width]
 */
export function convolved(g: Graph, x: Value, filter: Value, windows: Windows): Value {
  const { batch, channels, output } = windows;
  const shape = [channels, batch, output[0] * output[1]];
  const y = g.op("MatMul", [byChannel(g, x), matrices(g, filter, windows)], { shape, dtype: "float32" });
  return transpose(g, reshape(g, y, [channels, batch, ...output]), [1, 0, 2, 3]);
}

/** [batch, channels, height, width] as [channels, batch, pixels]. */
function byChannel(g: Graph, image: Value): Value {
  const [n, c, h, w] = image.shape as [number, number, number, number];
  return reshape(g, transpose(g, image, [1, 0, 2, 3]), [c, n, h * w]);
}

/**
 * The gradient by the images: dx = dy T^T.
 * @param dy [batch, channels, out height, out width]
 * @param filter [height, width, channels, 1]
 * @returns [batch, channels, height, width]
 */
export function gradientByImage(g: Graph, dy: Value, filter: Value, windows: Windows): Value {
  const { batch, channels, input } = windows;
  const shape = [channels, batch, input[0] * input[1]];
  const turned = transpose(g, matrices(g, filter, windows), [0, 2, 1]);
  const dx = g.op("MatMul", [byChannel(g, dy), turned], { shape, dtype: "float32" });
  return transpose(g, reshape(g, dx, [channels, batch, ...input]), [1, 0, 2, 3]);
}

/**
 * The gradient by the filter: dT = x^T dy, of which each tap adds up its pairs.
 * @param x [batch, channels, height, width]
 * @returns [height, width, channels, 1]
 */
export function gradientByFilter(g: Graph, x: Value, dy: Value, windows: Windows): Value {
  const { channels, input, output, size } = windows;
  const [pixels, outputs] = [input[0] * input[1], output[0] * output[1]];
  const shape = [channels, pixels, outputs];
  const images = transpose(g, byChannel(g, x), [0, 2, 1]);
  const pairs = g.op("MatMul", [images, byChannel(g, dy)], { shape, dtype: "float32" });
  const taps = g.op(
    "Gemm",
    [reach(g, windows), reshape(g, pairs, [channels, pixels * outputs])],
    { shape: [size[0] * size[1], channels], dtype: "float32" },
    { transB: 1 },
  );
  return reshape(g, taps, [size[0], size[1], channels, 1]);
}

/** T of every channel: [channels, pixels, outputs]. */
function matrices(g: Graph, filter: Value, windows: Windows): Value {
  const { channels, input, output, size } = windows;
  const [pixels, outputs] = [input[0] * input[1], output[0] * output[1]];
  const flat = g.op(
    "Gemm",
    [reshape(g, filter, [size[0] * size[1], channels]), reach(g, windows)],
    { shape: [channels, pixels * outputs], dtype: "float32" },
    { transA: 1 },
  );
  return reshape(g, flat, [channels, pixels, outputs]);
}

/** 1 where a tap brings a pixel to an output: [taps, pixels * outputs]. */
function reach(g: Graph, { input, output, size, strides, before }: Windows): Value {
  const outputs = output[0] * output[1];
  const pairs = input[0] * input[1] * outputs;
  const values = new Float32Array(size[0] * size[1] * pairs);
  for (let tap = 0; tap < size[0] * size[1]; tap++) {
    for (let q = 0; q < outputs; q++) {
      const row = Math.floor(q / output[1]) * strides[0] + Math.floor(tap / size[1]) - before[0];
      const column = (q % output[1]) * strides[1] + (tap % size[1]) - before[1];
      if (row < 0 || row >= input[0] || column < 0 || column >= input[1]) continue;
      values[tap * pairs + (row * input[1] + column) * outputs + q] = 1;
    }
  }
  return g.constant(values, { shape: [size[0] * size[1], pairs], dtype: "float32" });
}
