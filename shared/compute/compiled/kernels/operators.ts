import * as tf from "@tensorflow/tfjs";
import type { ElementType, Graph, TypeAndShape, Value } from "../graph.ts";

/*
 * What several families of kernels share: shapes as TensorFlow.js infers them, and the small operators that nearly
 * every lowering needs.
 */

/** The shape of two operands together, numpy's rule. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  return tf.broadcast_util.assertAndGetBroadcastShape([...a], [...b]);
}

/** Axes counted from the front, in ascending order; all of them where none is named. */
export function axesOf(axes: unknown, rank: number): number[] {
  const shape = new Array<number>(rank).fill(1);
  return tf.util.parseAxisParam(axes as number | number[], shape).sort((a, b) => a - b);
}

/** The shape that is left when axes are reduced. */
export function reducedShape(shape: readonly number[], axes: readonly number[], keep: boolean): number[] {
  return keep ? shape.map((n, i) => (axes.includes(i) ? 1 : n)) : shape.filter((_, i) => !axes.includes(i));
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

export function reshape(g: Graph, x: Value, shape: readonly number[]): Value {
  return sameShape(x.shape, shape) ? x : g.op("Reshape", [x, g.list(shape)], { shape, dtype: x.dtype });
}

export function transpose(g: Graph, x: Value, perm: readonly number[]): Value {
  if (perm.every((axis, i) => axis === i)) return x;
  const shape = perm.map((axis) => x.shape[axis] as number);
  return g.op("Transpose", [x], { shape, dtype: x.dtype }, { perm });
}

/** ONNX's numbers of the element types. */
export const onnxType: Record<ElementType, number> = { float32: 1, int32: 6, int64: 7, bool: 9 };

export function cast(g: Graph, x: Value, dtype: ElementType): Value {
  return x.dtype === dtype ? x : g.op("Cast", [x], { shape: x.shape, dtype }, { to: onnxType[dtype] });
}

/** One operand, output of the same type and shape. */
export function unary(g: Graph, type: string, x: Value): Value {
  return g.op(type, [x], { shape: x.shape, dtype: x.dtype });
}

/** Two operands, broadcast. */
export function binary(g: Graph, type: string, a: Value, b: Value, dtype: ElementType = a.dtype): Value {
  return g.op(type, [a, b], { shape: broadcastShape(a.shape, b.shape), dtype });
}

/** Where a slice that walks backwards ends: before the first element, which -1 would not say. */
export const BEFORE_FIRST = -(2 ** 31);

/** x[begin .. end) in steps along every axis. */
export function slice(
  g: Graph,
  x: Value,
  begin: readonly number[],
  end: readonly number[],
  strides: readonly number[] = begin.map(() => 1),
): Value {
  const shape = begin.map((from, i) =>
    Math.max(0, Math.ceil(((end[i] as number) - from) / (strides[i] as number))),
  );
  const axes = begin.map((_, i) => i);
  if (sameShape(shape, x.shape) && strides.every((s) => s === 1)) return x;
  return g.op("Slice", [x, g.list(begin), g.list(end), g.list(axes), g.list(strides)], {
    shape,
    dtype: x.dtype,
  });
}

/** @param op ReduceSum, ReduceMax, ReduceMin, ReduceMean, ReduceProd */
export function reduce(g: Graph, op: string, x: Value, axes: readonly number[], keep: boolean): Value {
  if (axes.length === 0) return x;
  const shape = reducedShape(x.shape, axes, keep);
  return g.op(op, [x, g.list(axes)], { shape, dtype: x.dtype }, { keepdims: keep ? 1 : 0 });
}

/** A tensor of one value. */
export function filled(g: Graph, value: number, { shape, dtype }: TypeAndShape): Value {
  return g.constant(new Float64Array(sizeOf(shape)).fill(value), { shape, dtype });
}
