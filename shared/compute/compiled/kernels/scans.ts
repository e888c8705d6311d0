import type { Graph, TypeAndShape, Value } from "../graph.ts";
import type { KernelAttributes, KernelRule } from "../kernelRule.ts";
import { axisOf, operand } from "./operands.ts";
import { binary, cast, filled, slice } from "./operators.ts";

interface Scan {
  axis: number;
  /** An element's own value is left out of its result. */
  exclusive: boolean;
  /** From the last element to the first. */
  reverse: boolean;
}

function scanRule(kernel: string, compute: (g: Graph, x: Value, scan: Scan) => Value): KernelRule {
  const typeOf = ({ shape, dtype }: TypeAndShape): TypeAndShape => ({
    shape,
    dtype: dtype === "bool" ? "int32" : dtype,
  });
  return {
    kernel,
    infer: (inputs) => typeOf(operand(inputs, "x")),
    lower(g, inputs, { axis, exclusive, reverse }: KernelAttributes) {
      const x = operand(inputs, "x");
      return compute(g, cast(g, x, typeOf(x).dtype), {
        axis: axisOf(axis, x.shape.length),
        exclusive: Boolean(exclusive),
        reverse: Boolean(reverse),
      });
    },
  };
}

function cumsum(g: Graph, x: Value, { axis, exclusive, reverse }: Scan): Value {
  const attributes = { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 };
  return g.op("CumSum", [x, g.scalar(axis, "int64")], { shape: x.shape, dtype: x.dtype }, attributes);
}

/** x moved along an axis by `by` places, ones where nothing moved to. */
function shifted(g: Graph, x: Value, by: number, { axis, reverse }: Scan): Value {
  const size = x.shape[axis] as number;
  const begin = x.shape.map((_, i) => (i === axis && reverse ? by : 0));
  const end = x.shape.map((n, i) => (i === axis && !reverse ? size - by : n));
  const ones = filled(g, 1, { shape: x.shape.with(axis, Math.min(by, size)), dtype: x.dtype });
  if (by >= size) return ones;
  const kept = slice(g, x, begin, end);
  const parts = reverse ? [kept, ones] : [ones, kept];
  return g.op("Concat", parts, { shape: x.shape, dtype: x.dtype }, { axis });
}

/** ONNX has no running product: every pass doubles how many elements each result has taken in. */
function cumprod(g: Graph, x: Value, scan: Scan): Value {
  const size = x.shape[scan.axis] as number;
  let result = scan.exclusive ? shifted(g, x, 1, scan) : x;
  for (let by = 1; by < size; by *= 2) result = binary(g, "Mul", result, shifted(g, result, by, scan));
  return result;
}

/** Running sums and products along an axis. */
export const scanRules: readonly KernelRule[] = [scanRule("Cumsum", cumsum), scanRule("Cumprod", cumprod)];
