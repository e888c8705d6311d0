import { LoweringError, type TypeAndShape } from "../graph.ts";
import { axesOf } from "./operators.ts";

/**
 * The input of this name.
 * @throws LoweringError when the kernel was called without it
 */
export function operand<T extends TypeAndShape>(inputs: Readonly<Record<string, T>>, name: string): T {
  const found = inputs[name];
  if (!found) throw new LoweringError(`Cannot lower a kernel without its input "${name}"`);
  return found;
}

/** The inputs of a kernel that takes a list of tensors: TensorFlow.js names them by their place. */
export function operandList<T extends TypeAndShape>(inputs: Readonly<Record<string, T>>): T[] {
  return Object.keys(inputs)
    .sort((a, b) => Number(a) - Number(b))
    .map((name) => operand(inputs, name));
}

/** One axis, counted from the front. */
export function axisOf(axis: unknown, rank: number): number {
  return axesOf(axis, rank)[0] as number;
}
