import type { Graph, TypeAndShape, Value } from "../graph.ts";
import { filled, sizeOf } from "./operators.ts";

const zeros = new WeakSet<Value>();

/** Whether a tensor was filled with zeros. */
export function isZeros(value: Value): boolean {
  return zeros.has(value);
}

/** A tensor of one value; ONNX Runtime fills a large one when it loads the graph, which stays small in the file. */
export function expanded(g: Graph, number: number, { shape, dtype }: TypeAndShape): Value {
  const small = sizeOf(shape) <= 64;
  const value = small
    ? filled(g, number, { shape, dtype })
    : g.op("Expand", [g.scalar(number, dtype), g.list(shape)], { shape, dtype });
  if (number === 0) zeros.add(value);
  return value;
}
