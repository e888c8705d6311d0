import type { Value } from "../graph.ts";
import type { KernelRule } from "../kernelRule.ts";
import { elementwise } from "./layout.ts";
import { operand } from "./operands.ts";
import { binary, unary } from "./operators.ts";

const softmax: KernelRule = {
  kernel: "Softmax",
  infer(inputs) {
    const { shape, dtype } = operand(inputs, "logits");
    return { shape, dtype };
  },
  // TensorFlow.js takes the last axis alone.
  lower(g, inputs) {
    const logits = operand(inputs, "logits");
    return g.op("Softmax", [logits], { shape: logits.shape, dtype: logits.dtype }, { axis: -1 });
  },
};

/** offset + (x - mean) scale / sqrt(variance + epsilon), as one factor and one term for each channel. */
const batchNorm: KernelRule = {
  kernel: "FusedBatchNorm",
  infer(inputs) {
    const { shape, dtype } = operand(inputs, "x");
    return { shape, dtype };
  },
  lower(g, inputs, { varianceEpsilon }) {
    const x = operand(inputs, "x");
    const { scale, offset } = inputs;
    const epsilon = g.scalar((varianceEpsilon as number | undefined) ?? 0.001);
    const deviation = unary(g, "Sqrt", binary(g, "Add", operand(inputs, "variance"), epsilon));
    const factor = scale ? binary(g, "Div", scale, deviation) : unary(g, "Reciprocal", deviation);
    const shift = binary(g, "Mul", operand(inputs, "mean"), factor);
    const term = offset ? binary(g, "Sub", offset, shift) : unary(g, "Neg", shift);
    return elementwise(g, [x, factor, term], x.shape, ([v, f, t]) =>
      binary(g, "Add", binary(g, "Mul", v as Value, f as Value), t as Value),
    );
  },
};

export const normalisationRules: readonly KernelRule[] = [softmax, batchNorm];
