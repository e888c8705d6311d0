import * as tf from "@tensorflow/tfjs";
import { StillhouseError } from "../../../errors.ts";
import { type Graph, LoweringError, type TypeAndShape, type Value } from "../graph.ts";
import type { KernelAttributes } from "../kernelRule.ts";
import { sameShape, slice } from "./operators.ts";

/** TensorFlow.js has no gradient for dilated convolutions. */
export class DilatedConvolution extends StillhouseError {}

/** Where the windows of a convolution or of a pool lie. Pairs are [height, width]. */
export interface Windows {
  readonly batch: number;
  readonly channels: number;
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
  readonly outChannels: number;
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Padding before the image. */
  readonly before: readonly [number, number];
  /** Padding after it, as the last window needs it: negative where no window reaches the last rows or columns. */
  readonly after: readonly [number, number];
}

type Size4 = [number, number, number, number];
type Pad = Parameters<typeof tf.backend_util.computeConv2DInfo>[4];
type Steps = number | [number, number];
type Rounding = "floor" | "round" | "ceil" | undefined;

/** @param filter [height, width, in, out], for depthwise ones [height, width, in, multiplier] */
export function convolutionWindows(
  image: readonly number[],
  filter: readonly number[],
  attributes: KernelAttributes,
  depthwise = false,
): Windows {
  const { strides, pad, dilations, dataFormat, dimRoundingMode } = attributes;
  if (dataFormat !== undefined && dataFormat !== "NHWC") {
    throw new LoweringError(
      `Cannot compile a convolution with dataFormat "${dataFormat}": only NHWC is known; set dataFormat to "channelsLast"`,
    );
  }
  return windowsOf(
    tf.backend_util.computeConv2DInfo(
      image as Size4,
      filter as Size4,
      strides as Steps,
      (dilations ?? 1) as Steps,
      pad as Pad,
      dimRoundingMode as Rounding,
      depthwise,
    ),
  );
}

export function poolWindows(image: readonly number[], attributes: KernelAttributes): Windows {
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  return windowsOf(
    tf.backend_util.computePool2DInfo(
      image as Size4,
      filterSize as Steps,
      strides as Steps,
      1,
      pad as Pad,
      dimRoundingMode as Rounding,
    ),
  );
}

function windowsOf(info: tf.backend_util.Conv2DInfo): Windows {
  const before: [number, number] = [info.padInfo.top, info.padInfo.left];
  const input: [number, number] = [info.inHeight, info.inWidth];
  const output: [number, number] = [info.outHeight, info.outWidth];
  const strides: [number, number] = [info.strideHeight, info.strideWidth];
  const reach = [info.effectiveFilterHeight, info.effectiveFilterWidth];
  // Not padInfo's: a number for both sides is rounded, and by the height's filter and stride for the width too.
  const after = [0, 1].map((i) => {
    const last = ((output[i] as number) - 1) * (strides[i] as number);
    return last + (reach[i] as number) - (input[i] as number) - (before[i] as number);
  }) as [number, number];
  return {
    batch: info.batchSize,
    channels: info.inChannels,
    input,
    output,
    outChannels: info.outChannels,
    size: [info.filterHeight, info.filterWidth],
    strides,
    dilations: [info.dilationHeight, info.dilationWidth],
    before,
    after,
  };
}

/** @throws DilatedConvolution */
export function refuseDilation(kernel: string, { dilations }: KernelAttributes): void {
  if (dilations === undefined || [dilations].flat().every((step) => step === 1)) return;
  throw new DilatedConvolution(
    `Cannot compile ${kernel} with dilations ${dilations}: TensorFlow.js has gradients for dilations 1 alone; use plain or strided convolutions in what is trained`,
    { fields: { kernel, dilations } },
  );
}

/** The output with channels last, as TensorFlow.js has it. */
export function outputOf({ batch, output, outChannels }: Windows): TypeAndShape {
  return { shape: [batch, ...output, outChannels], dtype: "float32" };
}

/** ONNX's attributes of the same windows. */
export function attributesOf({ size, strides, dilations, before, after }: Windows) {
  return {
    kernel_shape: size,
    strides,
    dilations,
    pads: [...before, ...after.map((n) => Math.max(0, n))],
  };
}

/** An image with channels first, cut where ONNX would open more windows: mostly it is as it was. */
export function opened(g: Graph, image: Value, windows: Windows): Value {
  const spare = windows.after.some((n, i) => n <= -(windows.strides[i] as number));
  return spare ? reached(g, image, windows) : image;
}

/** An image with channels first, without the rows and columns that no window reaches. */
export function reached(g: Graph, image: Value, { batch, channels, input, after }: Windows): Value {
  const end = [batch, channels, ...input.map((n, i) => n + Math.min(0, after[i] as number))];
  return slice(g, image, [0, 0, 0, 0], end);
}

/** The opposite: zeros where no window reaches. */
export function unreached(g: Graph, image: Value, { batch, channels, input, after }: Windows): Value {
  const missing = after.map((n) => Math.max(0, -n));
  const shape = [batch, channels, ...input];
  if (sameShape(shape, image.shape)) return image;
  return g.op("Pad", [image, g.list([0, 0, 0, 0, 0, 0, ...missing])], { shape, dtype: image.dtype });
}

/** The image with channels first and zeros around it, cut to what the windows reach. */
export function padded(g: Graph, image: Value, windows: Windows): Value {
  const inner = reached(g, image, windows);
  const { before } = windows;
  const after = windows.after.map((n) => Math.max(0, n));
  if ([...before, ...after].every((n) => n === 0)) return inner;
  const [n, c, h, w] = inner.shape as Size4;
  const shape = [n, c, h + before[0] + (after[0] as number), w + before[1] + (after[1] as number)];
  return g.op("Pad", [inner, g.list([0, 0, ...before, 0, 0, ...after])], { shape, dtype: image.dtype });
}
