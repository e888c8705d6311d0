import { type Graph, LoweringError, type Value } from "../graph.ts";
import type { KernelRule } from "../kernelRule.ts";
import {
  attributesOf,
  opened,
  outputOf,
  poolWindows,
  reached,
  unreached,
  type Windows,
} from "./convolutionGeometry.ts";
import { binary, filled, reshape, sizeOf, slice } from "./operators.ts";

const infer: KernelRule["infer"] = ({ x }, attributes) => outputOf(poolWindows(x?.shape ?? [], attributes));
const inferGradient: KernelRule["infer"] = ({ input }) => ({ shape: input?.shape ?? [], dtype: "float32" });

/** @throws LoweringError for a window that can lie in the padding alone: ONNX does not pool nothing. */
function poolAttributes(windows: Windows) {
  const { kernel_shape, strides, pads } = attributesOf(windows);
  if (pads.some((pad, i) => pad >= (kernel_shape[i % 2] as number))) {
    throw new LoweringError(
      `Cannot compile a pool of ${kernel_shape.join(" by ")} with padding ${pads}: the padding must be smaller than the window`,
    );
  }
  return { kernel_shape, strides, pads };
}

/**
 * The greatest values, and where they lie in the flat image. The first of equal ones is taken, in TensorFlow.js as in
 * ONNX Runtime. Indices and MaxUnpool take 8.6 ms (best tenth, two cores, [128, 26, 26, 32], 2 by 2); finding the
 * first greatest again by comparing halves takes 10.0.
 */
function greatest(g: Graph, x: Value, windows: Windows): readonly [Value, Value] {
  const shape = [windows.batch, windows.channels, ...windows.output];
  const outputs = [
    { shape, dtype: "float32" },
    { shape, dtype: "int64" },
  ] as const;
  const image = opened(g, g.channelsFirst(x), windows);
  const [values, places] = g.ops("MaxPool", [image], outputs, poolAttributes(windows));
  return [values as Value, places as Value];
}

const maxPool: KernelRule = {
  kernel: "MaxPool",
  infer,
  lower(g, inputs, attributes) {
    const { x } = inputs as { x: Value };
    return g.fromChannelsFirst(greatest(g, x, poolWindows(x.shape, attributes))[0]);
  },
};

const maxPoolGrad: KernelRule = {
  kernel: "MaxPoolGrad",
  infer: inferGradient,
  lower(g, inputs, attributes) {
    const { input, dy } = inputs as { input: Value; dy: Value };
    const windows = poolWindows(input.shape, attributes);
    const [, places] = greatest(g, input, windows);
    const gradient = g.channelsFirst(dy);
    const { shape } = opened(g, g.channelsFirst(input), windows);
    const type = { shape, dtype: "float32" } as const;
    return g.fromChannelsFirst(unreached(g, scattered(), windows));

    function scattered(): Value {
      if (!overlap(windows)) {
        return g.op("MaxUnpool", [gradient, places, g.list(shape)], type, poolAttributes(windows));
      }
      const size = sizeOf(shape);
      const zeros = filled(g, 0, { shape: [size], dtype: "float32" });
      const flat = [places, gradient].map((v) => reshape(g, v, [sizeOf(v.shape)]));
      const sums = g.op("ScatterElements", [zeros, ...flat], zeros, { axis: 0, reduction: "add" });
      return reshape(g, sums, shape);
    }
  },
};

const avgPool: KernelRule = {
  kernel: "AvgPool",
  infer,
  lower(g, inputs, attributes) {
    const { x } = inputs as { x: Value };
    const windows = poolWindows(x.shape, attributes);
    const image = opened(g, g.channelsFirst(x), windows);
    const shape = [windows.batch, windows.channels, ...windows.output];
    return g.fromChannelsFirst(
      g.op("AveragePool", [image], { shape, dtype: "float32" }, poolAttributes(windows)),
    );
  },
};

/** TensorFlow.js divides by the whole window here, even where part of it is padding, and knows no dimRoundingMode. */
const avgPoolGrad: KernelRule = {
  kernel: "AvgPoolGrad",
  infer: inferGradient,
  lower(g, inputs, { filterSize, strides, pad }) {
    const { input, dy } = inputs as { input: Value; dy: Value };
    const windows = poolWindows(input.shape, { filterSize, strides, pad });
    const { batch, channels, output, size } = windows;
    const gradient = slice(g, g.channelsFirst(dy), [0, 0, 0, 0], [batch, channels, ...output]);
    const { shape } = reached(g, g.channelsFirst(input), windows);
    const share = 1 / (size[0] * size[1]);
    return g.fromChannelsFirst(unreached(g, spread(), windows));

    function spread(): Value {
      const tiles = attributesOf(windows).pads.every((n) => n === 0) && sameSteps(windows);
      if (tiles) {
        const apart = reshape(g, gradient, [batch * channels * output[0], 1, output[1], 1]);
        const shares = filled(g, share, { shape: [size[0], 1, size[1]], dtype: "float32" });
        return reshape(g, binary(g, "Mul", apart, shares), shape);
      }
      const shares = filled(g, share, { shape: [channels, 1, ...size], dtype: "float32" });
      const attributes = { ...attributesOf(windows), group: channels };
      return g.op("ConvTranspose", [gradient, shares], { shape, dtype: "float32" }, attributes);
    }
  },
};

function overlap({ size, strides }: Windows): boolean {
  return size[0] > strides[0] || size[1] > strides[1];
}

function sameSteps({ size, strides }: Windows): boolean {
  return size[0] === strides[0] && size[1] === strides[1];
}

export const poolingRules: readonly KernelRule[] = [maxPool, maxPoolGrad, avgPool, avgPoolGrad];
