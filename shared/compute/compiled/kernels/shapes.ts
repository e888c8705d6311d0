import * as tf from "@tensorflow/tfjs";
import type { ElementType, Value } from "../graph.ts";
import type { KernelAttributes, KernelRule } from "../kernelRule.ts";
import { alongAxes, transposed } from "./layout.ts";
import { operand } from "./operands.ts";
import { binary, cast, reshape, sizeOf } from "./operators.ts";
import { expanded } from "./zeros.ts";

type Shape = readonly number[];

/** A kernel that gives the elements of one tensor another shape. */
function reshapeRule(
  kernel: string,
  name: string,
  shapeOf: (shape: Shape, attributes: KernelAttributes) => number[],
): KernelRule {
  return {
    kernel,
    infer(inputs, attributes) {
      const { shape, dtype } = operand(inputs, name);
      return { shape: shapeOf(shape, attributes), dtype };
    },
    lower(g, inputs, attributes) {
      const x = operand(inputs, name);
      return reshape(g, x, shapeOf(x.shape, attributes));
    },
  };
}

/** A kernel that makes a tensor of one value with the type and shape of another. */
function likeRule(kernel: string, value: number): KernelRule {
  return {
    kernel,
    infer(inputs) {
      const { shape, dtype } = operand(inputs, "x");
      return { shape, dtype };
    },
    lower: (g, inputs) => expanded(g, value, operand(inputs, "x")),
  };
}

function fillType({ shape, value, dtype }: KernelAttributes): { shape: Shape; dtype: ElementType } {
  const type = (dtype as ElementType | undefined) ?? tf.util.inferDtype(value as number);
  return { shape: shape as Shape, dtype: type as ElementType };
}

const transposeRule: KernelRule = {
  kernel: "Transpose",
  infer(inputs, { perm }) {
    const { shape, dtype } = operand(inputs, "x");
    return { shape: (perm as number[]).map((axis) => shape[axis] as number), dtype };
  },
  lower: (g, inputs, { perm }) => transposed(g, operand(inputs, "x"), perm as number[]),
};

const tile: KernelRule = {
  kernel: "Tile",
  infer(inputs, { reps }) {
    const { shape, dtype } = operand(inputs, "x");
    return { shape: shape.map((n, i) => n * ((reps as number[])[i] as number)), dtype };
  },
  lower(g, inputs, { reps }) {
    return alongAxes(g, [operand(inputs, "x")], ([x], inOrder) => {
      const { shape, dtype } = x as Value;
      const times = inOrder(reps as number[]);
      const result = shape.map((n, i) => n * (times[i] as number));
      return [g.op("Tile", [x as Value, g.list(times)], { shape: result, dtype })];
    });
  },
};

/** How many numbers a range has: as in TensorFlow.js, which counts down by 1 where the step is left at 1. */
function rangeCount(start: number, stop: number, step: number): number {
  if (start === stop || (start < stop && step < 0) || (stop < start && step > 1)) return 0;
  return Math.abs(Math.ceil((stop - start) / step));
}

const range: KernelRule = {
  kernel: "Range",
  infer: (_inputs, { start, stop, step, dtype }) => ({
    shape: [rangeCount(start as number, stop as number, step as number)],
    dtype: dtype as ElementType,
  }),
  lower(g, _inputs, { start, stop, step, dtype }) {
    const [from, to, by] = [start as number, stop as number, step as number];
    const stride = to < from && by === 1 ? -1 : by;
    const values = Array.from({ length: rangeCount(from, to, by) }, (_, i) => from + i * stride);
    return g.constant(values, { shape: [values.length], dtype: dtype as ElementType });
  },
};

const linSpace: KernelRule = {
  kernel: "LinSpace",
  infer: (_inputs, { num }) => ({ shape: [num as number], dtype: "float32" }),
  lower(g, _inputs, { start, stop, num }) {
    const step = ((stop as number) - (start as number)) / ((num as number) - 1);
    const values = Array.from(
      { length: num as number },
      (_, i) => (start as number) + (i === 0 ? 0 : i * step),
    );
    return g.constant(values, { shape: [values.length], dtype: "float32" });
  },
};

const diag: KernelRule = {
  kernel: "Diag",
  infer(inputs) {
    const { shape, dtype } = operand(inputs, "x");
    return { shape: [...shape, ...shape], dtype };
  },
  lower(g, inputs) {
    const x = operand(inputs, "x");
    const size = sizeOf(x.shape);
    const list = (shape: Shape): Value => g.constant([...Array(size).keys()], { shape, dtype: "int32" });
    const onDiagonal = binary(g, "Equal", list([size, 1]), list([1, size]), "bool");
    const row = reshape(g, cast(g, x, "float32"), [1, size]);
    const matrix = { shape: [size, size], dtype: "float32" } as const;
    const result = cast(g, g.op("Where", [onDiagonal, row, g.scalar(0)], matrix), x.dtype);
    return reshape(g, result, [...x.shape, ...x.shape]);
  },
};

export const shapeRules: readonly KernelRule[] = [
  reshapeRule("Reshape", "x", (shape, attributes) =>
    tf.util.inferFromImplicitShape(attributes.shape as number[], sizeOf(shape)),
  ),
  reshapeRule("ExpandDims", "input", (shape, { dim }) => {
    const place = dim as number;
    return shape.toSpliced(place < 0 ? shape.length + 1 + place : place, 0, 1);
  }),
  likeRule("ZerosLike", 0),
  likeRule("OnesLike", 1),
  {
    kernel: "Fill",
    infer: (_inputs, attributes) => fillType(attributes),
    lower: (g, _inputs, attributes) => expanded(g, attributes.value as number, fillType(attributes)),
  },
  transposeRule,
  tile,
  range,
  linSpace,
  diag,
];
