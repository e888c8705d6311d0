import { messageOf } from "../../errors.ts";
import { fuse } from "./fuse.ts";
import { Graph, LoweringError, type OnnxGraph, type TypeAndShape, type Value } from "./graph.ts";
import { sameShape } from "./kernels/operators.ts";
import { ruleOf } from "./kernels/registry.ts";
import type { Recording } from "./record.ts";

/**
 * Says a recording in ONNX operators, kernel by kernel.
 * @throws LoweringError when an output in the graph has not the recorded type and shape: the rule is wrong
 */
export function lower(recording: Recording): OnnxGraph {
  const g = new Graph();
  const values = new Map<object, Value>();
  for (const [name, tensor] of recording.inputs) values.set(tensor.id, g.input(name, tensor));
  // A tensor can be seen under several shapes: TensorFlow.js reshapes without a copy.
  const use = ({ id, shape, dtype }: TypeAndShape & { id: object }): Value => {
    let value = values.get(id);
    if (!value) {
      const constant = recording.constants.get(id);
      if (!constant)
        throw new LoweringError("Cannot lower a recording that uses a tensor which nothing made");
      value = g.constant(constant.values, constant);
      values.set(id, value);
    }
    if (sameShape(value.shape, shape)) return value;
    return g.op("Reshape", [value, g.list(shape)], { shape, dtype });
  };
  for (const { kernel, inputs, attributes, outputs } of recording.kernels) {
    const given = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, use(tensor)]));
    let lowered: Value[];
    try {
      lowered = [ruleOf(kernel).lower(g, given, attributes)].flat();
    } catch (error) {
      throw new LoweringError(`Cannot lower the kernel ${kernel}: ${messageOf(error)}`, {
        fields: { kernel },
        cause: error,
      });
    }
    outputs.forEach((output, i) => {
      const value = lowered[i];
      if (!value || value.dtype !== output.dtype || !sameShape(value.shape, output.shape)) {
        throw new LoweringError(
          `Cannot lower the kernel ${kernel} as its output ${i} is ${output.dtype} [${output.shape}] in TensorFlow.js: its rule gives ${value?.dtype} [${value?.shape}]`,
          { fields: { kernel } },
        );
      }
      values.set(output.id, value);
    });
  }
  for (const [name, tensor] of recording.outputs) g.output(name, use(tensor));
  return fuse(g.finish());
}
