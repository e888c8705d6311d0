import type { Value } from "../graph.ts";
import type { KernelRule } from "../kernelRule.ts";
import { axisOf, operand } from "./operands.ts";
import { cast } from "./operators.ts";

/** A kernel that finds the first place of the largest or the smallest number along an axis. */
function argRule(kernel: string): KernelRule {
  return {
    kernel,
    infer(inputs, { axis }) {
      const { shape } = operand(inputs, "x");
      return { shape: shape.toSpliced(axisOf(axis, shape.length), 1), dtype: "int32" };
    },
    lower(g, inputs, attributes) {
      const given = operand(inputs, "x");
      const x = given.dtype === "bool" ? cast(g, given, "int32") : given;
      const axis = axisOf(attributes.axis, x.shape.length);
      const shape = x.shape.toSpliced(axis, 1);
      return cast(g, g.op(kernel, [x], { shape, dtype: "int64" }, { axis, keepdims: 0 }), "int32");
    },
  };
}

/** The largest numbers of the last axis, and where they are; of equal ones the first comes first. */
const topK: KernelRule = {
  kernel: "TopK",
  infer(inputs, { k }) {
    const x = operand(inputs, "x");
    const shape = x.shape.with(-1, k as number);
    return [
      { shape, dtype: x.dtype },
      { shape, dtype: "int32" },
    ];
  },
  lower(g, inputs, { k }) {
    const x = operand(inputs, "x");
    const shape = x.shape.with(-1, k as number);
    const types = [{ shape, dtype: x.dtype }, { shape, dtype: "int64" } as const];
    // Sorted also where that was not asked for: any order is right then.
    const [values, places] = g.ops("TopK", [x, g.list([k as number])], types, {
      axis: -1,
      largest: 1,
      sorted: 1,
    }) as [Value, Value];
    return [values, cast(g, places, "int32")];
  },
};

export const positionRules: readonly KernelRule[] = [argRule("ArgMax"), argRule("ArgMin"), topK];
