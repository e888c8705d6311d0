import type { Graph, Value } from "../graph.ts";
import { reshape, sizeOf, transpose } from "./operators.ts";

/** Which axis of [batch, height, width, channels] stands at each place of [batch, channels, height, width]. */
const CHANNELS_FIRST = [0, 3, 1, 2] as const;
/** The place of each axis of [batch, height, width, channels] in [batch, channels, height, width]. */
export const PLACE_OF_AXIS = [0, 2, 3, 1] as const;

/**
 * Computes element by element in the layout that the operands are in already.
 * @param shape of the result
 * @param compute gets the operands in an order of axes that broadcasts the same way
 */
export function elementwise(
  g: Graph,
  operands: readonly Value[],
  shape: readonly number[],
  compute: (operands: Value[]) => Value,
): Value {
  const size = sizeOf(shape);
  const images = shape.length === 4 && operands.some((v) => v.channelsFirst && sizeOf(v.shape) === size);
  if (!images) return compute([...operands]);
  return g.fromChannelsFirst(compute(operands.map((v) => alignedChannelsFirst(g, v))));
}

/** An operand in the form that broadcasts against images with channels first. */
function alignedChannelsFirst(g: Graph, v: Value): Value {
  if (v.channelsFirst || v.shape.length === 0) return v.channelsFirst ?? v;
  if (v.shape.length === 1) return reshape(g, v, [v.shape[0] as number, 1, 1]);
  const shape = [...new Array<number>(4 - v.shape.length).fill(1), ...v.shape];
  const [n, h, w, c] = shape as [number, number, number, number];
  // Nothing changes its place where there is one channel or one pixel.
  if (c === 1 || h * w === 1) return reshape(g, v, [n, c, h, w]);
  return g.channelsFirst(reshape(g, v, shape));
}

/**
 * Computes along axes in the layout that the tensors are in already.
 * @param compute gets the tensors, a function that brings a list with one entry an axis into their order of axes, and
 *     one that gives an axis's place
 */
export function alongAxes(
  g: Graph,
  tensors: readonly Value[],
  compute: (
    tensors: Value[],
    inOrder: <T>(perAxis: readonly T[]) => T[],
    placeOf: (axis: number) => number,
  ) => Value[],
): Value[] {
  if (!tensors.some((v) => v.channelsFirst)) {
    return compute(
      [...tensors],
      (perAxis) => [...perAxis],
      (axis) => axis,
    );
  }
  return compute(
    tensors.map((v) => g.channelsFirst(v)),
    <T>(perAxis: readonly T[]) => CHANNELS_FIRST.map((axis) => perAxis[axis] as T),
    (axis) => PLACE_OF_AXIS[axis] as number,
  ).map((v) => g.fromChannelsFirst(v));
}

/** A tensor and the place that each of its axes has in it: the tensor itself, or its form with channels first. */
export function asItIs(x: Value): { value: Value; places: readonly number[] } {
  if (x.channelsFirst) return { value: x.channelsFirst, places: PLACE_OF_AXIS };
  return { value: x, places: x.shape.map((_, axis) => axis) };
}

/** x with axes in the order `perm`, from whichever layout it is in. */
export function transposed(g: Graph, x: Value, perm: readonly number[]): Value {
  const { value, places } = asItIs(x);
  return transpose(
    g,
    value,
    perm.map((axis) => places[axis] as number),
  );
}
