import type { ElementType, Graph, Value } from "../graph.ts";
import type { KernelAttributes, KernelRule } from "../kernelRule.ts";
import { asItIs } from "./layout.ts";
import { operand } from "./operands.ts";
import { axesOf, cast, reduce, reducedShape, reshape, sizeOf, transpose } from "./operators.ts";
import { expanded } from "./zeros.ts";

/**
 * Reduces in the layout that x is in; only what is left of it changes its order of axes, where that differs.
 * @param op ReduceSum, ReduceMax, ReduceMin, ReduceMean, ReduceProd
 */
function reduceAsItIs(g: Graph, op: string, x: Value, axes: readonly number[], keep: boolean): Value {
  const { value, places } = asItIs(x);
  const inPlace = axes.map((axis) => places[axis] as number).sort((a, b) => a - b);
  const reduced = op === "ReduceSum" ? sum(g, value, inPlace, keep) : reduce(g, op, value, inPlace, keep);
  if (value === x) return reduced;
  if (keep || axes.length === 0) return g.fromChannelsFirst(reduced);
  const left = places.filter((_, axis) => !axes.includes(axis));
  const sorted = [...left].sort((a, b) => a - b);
  return transpose(
    g,
    reduced,
    left.map((place) => sorted.indexOf(place)),
  );
}

/** From how many numbers on a product with ones pays. */
const MANY = 16_384;

/**
 * Sums of many rows, the gradient of a bias, are faster as a product with ones, which uses all threads: for [86528, 32]
 * one fifth of ReduceSum's time. Images with channels first are summed over their pixels before their batch.
 */
export function sum(g: Graph, x: Value, axes: readonly number[], keep: boolean): Value {
  const { shape, dtype } = x;
  const rank = shape.length;
  const result = { shape: reducedShape(shape, axes, keep), dtype };
  const columns = sizeOf(result.shape);
  const rows = sizeOf(shape) / columns;
  const leading = axes.length < rank && axes.every((axis, i) => axis === i);
  if (leading && dtype === "float32" && rows >= 8 && rows * columns >= MANY) {
    const flat = reshape(g, x, [rows, columns]);
    // Of the two operators each is the faster one on its side.
    const product =
      rows > 1024
        ? g.op("Gemm", [expanded(g, 1, { shape: [1, rows], dtype }), flat], { shape: [1, columns], dtype })
        : g.op("MatMul", [expanded(g, 1, { shape: [rows], dtype }), flat], { shape: [columns], dtype });
    return reshape(g, product, result.shape);
  }
  const inner = axes.filter((axis, i) => axis === rank - axes.length + i);
  if (inner.length === axes.length || inner.length === 0) return reduce(g, "ReduceSum", x, axes, keep);
  const outer = axes.filter((axis) => !inner.includes(axis));
  const rowSums = reduce(g, "ReduceSum", x, inner, true);
  return reshape(g, reduce(g, "ReduceSum", rowSums, outer, true), result.shape);
}

interface Reduction {
  op: string;
  /** Of the result, by that of the operand. */
  dtypeOf(dtype: ElementType): ElementType;
  /** What the reduction is computed in. */
  computeIn(dtype: ElementType): ElementType;
  /** The attribute that holds the axes. */
  axes?: string;
}

function reductionRule(kernel: string, { op, dtypeOf, computeIn, axes = "axis" }: Reduction): KernelRule {
  const shapeOf = (shape: readonly number[], attributes: KernelAttributes): number[] =>
    reducedShape(shape, axesOf(attributes[axes], shape.length), Boolean(attributes.keepDims));
  return {
    kernel,
    infer(inputs, attributes) {
      const { shape, dtype } = operand(inputs, "x");
      return { shape: shapeOf(shape, attributes), dtype: dtypeOf(dtype) };
    },
    lower(g, inputs, attributes) {
      const x = operand(inputs, "x");
      const wanted = axesOf(attributes[axes], x.shape.length);
      const first = x.channelsFirst;
      const type = computeIn(x.dtype);
      const numbers = first ? g.fromChannelsFirst(cast(g, first, type)) : cast(g, x, type);
      const reduced = reduceAsItIs(g, op, numbers, wanted, Boolean(attributes.keepDims));
      return cast(g, reduced, dtypeOf(x.dtype));
    },
  };
}

const same = (dtype: ElementType): ElementType => dtype;
const counted = (dtype: ElementType): ElementType => (dtype === "bool" ? "int32" : dtype);
const always = (dtype: ElementType) => (): ElementType => dtype;

export const reductionRules: readonly KernelRule[] = [
  reductionRule("Sum", { op: "ReduceSum", dtypeOf: counted, computeIn: counted }),
  reductionRule("Prod", { op: "ReduceProd", dtypeOf: counted, computeIn: counted }),
  reductionRule("Mean", { op: "ReduceMean", dtypeOf: always("float32"), computeIn: always("float32") }),
  reductionRule("Max", { op: "ReduceMax", dtypeOf: same, computeIn: counted, axes: "reductionIndices" }),
  reductionRule("Min", { op: "ReduceMin", dtypeOf: same, computeIn: counted }),
  reductionRule("All", { op: "ReduceMin", dtypeOf: same, computeIn: counted }),
  reductionRule("Any", { op: "ReduceMax", dtypeOf: same, computeIn: counted }),
];
