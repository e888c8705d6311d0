import type { Graph, Value } from "../graph.ts";
import type { KernelRule } from "../kernelRule.ts";
import { withBiasAndActivation } from "./convolutionActivation.ts";
import {
  attributesOf,
  convolutionWindows,
  opened,
  outputOf,
  padded,
  refuseDilation,
  unreached,
} from "./convolutionGeometry.ts";
import { asProducts, convolved, gradientByFilter, gradientByImage } from "./depthwiseProducts.ts";
import { reshape, transpose } from "./operators.ts";

type Inputs = Readonly<Record<"x" | "filter" | "dy", Value>>;

/*
 * Convolutions with a group for every channel. Times are the best tenth in ms on two cores, batch 128, for 64
 * channels, 3 by 3 on 14 by 14.
 */

/** [height, width, channels, multiplier] as [channels * multiplier, 1, height, width]. */
function weightsOf(g: Graph, filter: Value): Value {
  const [h, w, c, m] = filter.shape as [number, number, number, number];
  return reshape(g, transpose(g, filter, [2, 3, 0, 1]), [c * m, 1, h, w]);
}

/** Conv takes 6.2, the sum of nine slices times their weights 12.6; see depthwiseProducts.ts for small images. */
function forward(
  g: Graph,
  inputs: Readonly<Record<string, Value>>,
  attributes: Parameters<KernelRule["lower"]>[2],
) {
  const { x, filter } = inputs as Inputs;
  const windows = convolutionWindows(x.shape, filter.shape, attributes, true);
  // With constant weights ONNX Runtime has a convolution of its own for a channel alone.
  if (!filter.constant && windows.dilations.every((n) => n === 1) && asProducts(windows, "forward")) {
    return convolved(g, g.channelsFirst(x), filter, windows);
  }
  const shape = [windows.batch, windows.outChannels, ...windows.output];
  const image = opened(g, g.channelsFirst(x), windows);
  const group = windows.channels;
  return g.op(
    "Conv",
    [image, weightsOf(g, filter)],
    { shape, dtype: "float32" },
    { ...attributesOf(windows), group },
  );
}

const depthwise: KernelRule = {
  kernel: "DepthwiseConv2dNative",
  infer: ({ x, filter }, attributes) =>
    outputOf(convolutionWindows(x?.shape ?? [], filter?.shape ?? [], attributes, true)),
  lower: (g, inputs, attributes) => g.fromChannelsFirst(forward(g, inputs, attributes)),
};

const fusedDepthwise: KernelRule = {
  kernel: "FusedDepthwiseConv2D",
  infer: depthwise.infer,
  lower: (g, inputs, attributes) =>
    g.fromChannelsFirst(withBiasAndActivation(g, forward(g, inputs, attributes), inputs, attributes)),
};

const backpropInput: KernelRule = {
  kernel: "DepthwiseConv2dNativeBackpropInput",
  infer(_, attributes) {
    refuseDilation("DepthwiseConv2dNativeBackpropInput", attributes);
    return { shape: attributes.inputShape as number[], dtype: "float32" };
  },
  lower(g, inputs, attributes) {
    const { dy, filter } = inputs as Inputs;
    const windows = convolutionWindows(attributes.inputShape as number[], filter.shape, attributes, true);
    if (asProducts(windows, "gradient")) {
      return g.fromChannelsFirst(gradientByImage(g, g.channelsFirst(dy), filter, windows));
    }
    const { batch, channels, input, after } = windows;
    const shape = [batch, channels, ...input.map((n, i) => n + Math.min(0, after[i] as number))];
    const image = g.op(
      "ConvTranspose",
      [g.channelsFirst(dy), weightsOf(g, filter)],
      { shape, dtype: "float32" },
      { ...attributesOf(windows), group: channels },
    );
    return g.fromChannelsFirst(unreached(g, image, windows));
  },
};

/**
 * A convolution of the images with their gradients, which lie as far apart as the windows did, in groups of a whole
 * batch. It takes 10.5, as nine slices times the gradient, summed, do with nine times the operators; products of
 * columns take 58.
 */
const backpropFilter: KernelRule = {
  kernel: "DepthwiseConv2dNativeBackpropFilter",
  infer(_, attributes) {
    refuseDilation("DepthwiseConv2dNativeBackpropFilter", attributes);
    return { shape: attributes.filterShape as number[], dtype: "float32" };
  },
  lower(g, inputs, attributes) {
    const { x, dy } = inputs as Inputs;
    const filterShape = attributes.filterShape as [number, number, number, number];
    const windows = convolutionWindows(x.shape, filterShape, attributes, true);
    if (asProducts(windows, "gradient"))
      return gradientByFilter(g, g.channelsFirst(x), g.channelsFirst(dy), windows);
    const { batch, channels, outChannels, size, strides } = windows;
    const images = transpose(g, padded(g, g.channelsFirst(x), windows), [1, 0, 2, 3]);
    const [, , h, w] = images.shape as [number, number, number, number];
    const taps = g.op(
      "Conv",
      [reshape(g, images, [1, channels * batch, h, w]), transpose(g, g.channelsFirst(dy), [1, 0, 2, 3])],
      { shape: [1, outChannels, ...size], dtype: "float32" },
      { group: channels, dilations: strides },
    );
    const [rows, columns, , multiplier] = filterShape;
    return transpose(g, reshape(g, taps, [channels, multiplier, rows, columns]), [2, 3, 0, 1]);
  },
};

export const depthwiseRules: readonly KernelRule[] = [
  depthwise,
  fusedDepthwise,
  backpropInput,
  backpropFilter,
];
