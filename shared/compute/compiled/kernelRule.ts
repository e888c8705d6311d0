import type { Graph, TypeAndShape, Value } from "./graph.ts";

/** What a kernel of TensorFlow.js was called with, beside its tensors. */
export type KernelAttributes = Readonly<Record<string, unknown>>;

/** What is known of one kernel of TensorFlow.js: how its outputs look, and how it is said in ONNX. */
export interface KernelRule {
  /** Its name in TensorFlow.js. */
  readonly kernel: string;
  /** Types and shapes of the outputs, as TensorFlow.js has them. */
  infer(
    inputs: Readonly<Record<string, TypeAndShape>>,
    attributes: KernelAttributes,
  ): TypeAndShape | TypeAndShape[];
  /** The same outputs in the graph. */
  lower(g: Graph, inputs: Readonly<Record<string, Value>>, attributes: KernelAttributes): Value | Value[];
}
