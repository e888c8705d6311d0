import * as tf from "@tensorflow/tfjs";
import type { Graph, Value } from "../graph.ts";
import type { KernelAttributes, KernelRule } from "../kernelRule.ts";
import { alongAxes } from "./layout.ts";
import { axisOf, operand, operandList } from "./operands.ts";
import { axesOf, BEFORE_FIRST, reshape, sizeOf, slice } from "./operators.ts";

type Shape = readonly number[];

/** Begin and size of a slice along every axis. */
function sliceOf(shape: Shape, { begin, size }: KernelAttributes): { begin: number[]; size: number[] } {
  const whole = { shape: [...shape] } as tf.Tensor;
  const [from, count] = tf.slice_util.parseSliceParams(whole, begin as number[], size as number[]);
  return { begin: from as number[], size: count as number[] };
}

function concat(g: Graph, tensors: readonly Value[], axis: number): Value {
  const shape = [...(tensors[0] as Value).shape];
  shape[axis] = tensors.reduce((sum, t) => sum + (t.shape[axis] as number), 0);
  const { dtype } = tensors[0] as Value;
  return tensors.length === 1 ? (tensors[0] as Value) : g.op("Concat", tensors, { shape, dtype }, { axis });
}

function split(g: Graph, x: Value, sizes: readonly number[], axis: number): Value[] {
  if (sizes.length === 1) return [x];
  const types = sizes.map((n) => ({ shape: x.shape.map((m, i) => (i === axis ? n : m)), dtype: x.dtype }));
  return [...g.ops("Split", [x, g.list(sizes)], types, { axis })];
}

const concatRule: KernelRule = {
  kernel: "Concat",
  infer(inputs, { axis }) {
    const tensors = operandList(inputs);
    const { shape, dtype } = operand(inputs, "0");
    const along = axisOf(axis, shape.length);
    const total = tensors.reduce((sum, t) => sum + (t.shape[along] as number), 0);
    return { shape: shape.map((n, i) => (i === along ? total : n)), dtype };
  },
  lower(g, inputs, { axis }) {
    const tensors = operandList(inputs).filter((t) => sizeOf(t.shape) > 0);
    const rank = operand(inputs, "0").shape.length;
    if (tensors.length === 0) return operand(inputs, "0");
    return alongAxes(g, tensors, (values, _, placeOf) => [concat(g, values, placeOf(axisOf(axis, rank)))]);
  },
};

const sliceRule: KernelRule = {
  kernel: "Slice",
  infer(inputs, attributes) {
    const { shape, dtype } = operand(inputs, "x");
    return { shape: sliceOf(shape, attributes).size, dtype };
  },
  lower(g, inputs, attributes) {
    const { begin, size } = sliceOf(operand(inputs, "x").shape, attributes);
    const end = begin.map((from, i) => from + (size[i] as number));
    return alongAxes(g, [operand(inputs, "x")], ([x], inOrder) => [
      slice(g, x as Value, inOrder(begin), inOrder(end)),
    ]);
  },
};

function splitSizes(shape: Shape, { numOrSizeSplits, axis }: KernelAttributes): number[] {
  const whole = { shape: [...shape] } as tf.Tensor;
  return tf.backend_util.prepareSplitSize(whole, numOrSizeSplits as number[], axisOf(axis, shape.length));
}

const splitV: KernelRule = {
  kernel: "SplitV",
  infer(inputs, attributes) {
    const { shape, dtype } = operand(inputs, "x");
    const along = axisOf(attributes.axis, shape.length);
    return splitSizes(shape, attributes).map((n) => ({
      shape: shape.map((m, i) => (i === along ? n : m)),
      dtype,
    }));
  },
  lower(g, inputs, attributes) {
    const x = operand(inputs, "x");
    const sizes = splitSizes(x.shape, attributes);
    const along = axisOf(attributes.axis, x.shape.length);
    return alongAxes(g, [x], ([v], _, placeOf) => split(g, v as Value, sizes, placeOf(along)));
  },
};

const pack: KernelRule = {
  kernel: "Pack",
  infer(inputs, { axis }) {
    const { shape, dtype } = operand(inputs, "0");
    const count = Object.keys(inputs).length;
    return { shape: shape.toSpliced(axisOf(axis, shape.length + 1), 0, count), dtype };
  },
  lower(g, inputs, { axis }) {
    const tensors = operandList(inputs);
    const along = axisOf(axis, operand(inputs, "0").shape.length + 1);
    const layers = tensors.map((t) => reshape(g, t, t.shape.toSpliced(along, 0, 1)));
    return concat(g, layers, along);
  },
};

const unpack: KernelRule = {
  kernel: "Unpack",
  infer(inputs, { axis }) {
    const { shape, dtype } = operand(inputs, "value");
    const along = axisOf(axis, shape.length);
    return Array.from({ length: shape[along] as number }, () => ({
      shape: shape.toSpliced(along, 1),
      dtype,
    }));
  },
  lower(g, inputs, { axis }) {
    const value = operand(inputs, "value");
    const along = axisOf(axis, value.shape.length);
    const ones = new Array<number>(value.shape[along] as number).fill(1);
    return split(g, value, ones, along).map((part) => reshape(g, part, value.shape.toSpliced(along, 1)));
  },
};

function steps(g: Graph, x: Value, begin: Shape, end: Shape, strides: Shape, shape: Shape): Value {
  const ends = end.map((to, i) => (to < 0 && (strides[i] as number) < 0 ? BEFORE_FIRST : to));
  const axes = begin.map((_, i) => i);
  const lists = [g.list(begin), g.list(ends), g.list(axes), g.list(strides)];
  return g.op("Slice", [x, ...lists], { shape, dtype: x.dtype });
}

const reverse: KernelRule = {
  kernel: "Reverse",
  infer(inputs) {
    const { shape, dtype } = operand(inputs, "x");
    return { shape, dtype };
  },
  lower(g, inputs, { dims }) {
    const whole = operand(inputs, "x");
    const axes = axesOf(dims, whole.shape.length);
    const turned = whole.shape.map((_, i) => axes.includes(i));
    if (axes.length === 0) return whole;
    return alongAxes(g, [whole], ([x], inOrder) => {
      const { shape } = x as Value;
      const turn = inOrder(turned);
      const begin = shape.map((n, i) => (turn[i] ? n - 1 : 0));
      const end = shape.map((n, i) => (turn[i] ? -1 : n));
      return [
        steps(
          g,
          x as Value,
          begin,
          end,
          turn.map((back) => (back ? -1 : 1)),
          shape,
        ),
      ];
    });
  },
};

function strided(shape: Shape, attributes: KernelAttributes): ReturnType<typeof tf.slice_util.sliceInfo> {
  const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } =
    attributes as Record<string, number[]> & Record<string, number>;
  return tf.slice_util.sliceInfo(
    [...shape],
    begin as number[],
    end as number[],
    strides as number[],
    beginMask as number,
    endMask as number,
    ellipsisMask as number,
    newAxisMask as number,
    shrinkAxisMask as number,
  );
}

const stridedSlice: KernelRule = {
  kernel: "StridedSlice",
  infer(inputs, attributes) {
    const { shape, dtype } = operand(inputs, "x");
    return { shape: strided(shape, attributes).finalShape, dtype };
  },
  lower(g, inputs, attributes) {
    const x = operand(inputs, "x");
    const { begin, end, strides, finalShapeSparse, finalShape } = strided(x.shape, attributes);
    return reshape(g, steps(g, x, begin, end, strides, finalShapeSparse), finalShape);
  },
};

/** Kernels that join tensors, cut them apart or take a part of them. */
export const pieceRules: readonly KernelRule[] = [
  concatRule,
  sliceRule,
  splitV,
  pack,
  unpack,
  reverse,
  stridedSlice,
];
