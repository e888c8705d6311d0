import { float, type Graph, LoweringError, type Value } from "../graph.ts";
import type { KernelAttributes } from "../kernelRule.ts";
import { binary, reshape, unary } from "./operators.ts";

/** What fused convolutions do to their output, which has its channels first. */
export function withBiasAndActivation(
  g: Graph,
  x: Value,
  { bias, preluActivationWeights }: Readonly<Record<string, Value>>,
  { activation, leakyreluAlpha }: KernelAttributes,
): Value {
  const sum = bias ? binary(g, "Add", x, besideChannelsFirst(g, bias)) : x;
  switch (activation ?? "linear") {
    case "linear":
      return sum;
    case "relu":
      return unary(g, "Relu", sum);
    case "relu6":
      return g.op("Clip", [sum, g.scalar(0), g.scalar(6)], sum);
    case "elu":
      return unary(g, "Elu", sum);
    case "sigmoid":
      return unary(g, "Sigmoid", sum);
    case "leakyrelu":
      return g.op("LeakyRelu", [sum], sum, { alpha: float((leakyreluAlpha as number | undefined) ?? 0.2) });
    case "prelu":
      if (preluActivationWeights) {
        return g.op("PRelu", [sum, besideChannelsFirst(g, preluActivationWeights)], sum);
      }
  }
  throw new LoweringError(`Cannot compile a convolution with the activation "${activation}"`);
}

/** A tensor that broadcasts against images with channels last, made for ones with channels first. */
function besideChannelsFirst(g: Graph, x: Value): Value {
  const [n, h, w, c] = [...new Array<number>(4 - x.shape.length).fill(1), ...x.shape];
  // Where only one size is above 1, the same numbers in the same order do.
  if (n === 1 && h === 1 && w === 1) return reshape(g, x, [1, c as number, 1, 1]);
  return g.channelsFirst(reshape(g, x, [n, h, w, c] as number[]));
}
