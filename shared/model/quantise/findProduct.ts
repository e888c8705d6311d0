import { isStandard, type NodeProto } from "../onnxProto.ts";
import { type Constant, type Constants, transposed } from "./constantMatrices.ts";
import type { Product } from "./quantisedProduct.ts";
import { quantiseWeights } from "./quantiseWeights.ts";

/** A sum of this many products of 255 and 63 still fits into 32 bits. */
const MOST_ROWS = Math.floor(2 ** 31 / (255 * 63));

/** A node as a product that can be computed in whole numbers. */
export function findProduct(
  node: NodeProto,
  constants: Constants,
  makers: ReadonlyMap<string, NodeProto>,
): Product | undefined {
  const { opType, domain, input, output } = node;
  const gemm = opType === "Gemm";
  if ((opType !== "MatMul" && !gemm) || !isStandard(domain)) return undefined;
  const [x = "", w = "", bias = ""] = input;
  const attribute = (name: string) => node.attribute.find((one) => one.name === name);
  if (gemm && attribute("transA")?.i) return undefined;
  const constant = constants.floats(w);
  if (constant?.shape.length !== 2 || constants.floats(x)) return undefined;
  const matrix: Constant = gemm && attribute("transB")?.i ? transposed(constant) : constant;
  const [rows = 0, columns = 0] = matrix.shape;
  if (rows > MOST_ROWS || rows === 0 || columns === 0) return undefined;
  return {
    x,
    nonNegative: isNonNegative(x, makers),
    weights: quantiseWeights(matrix.values, columns),
    alpha: gemm ? (attribute("alpha")?.f ?? 1) : 1,
    bias: gemm ? bias : "",
    beta: gemm ? (attribute("beta")?.f ?? 1) : 1,
    y: output[0] as string,
  };
}

/** Operators that give nothing below 0, and those that give nothing below 0 of what is not. */
const nonNegative = new Set(["Relu", "Sigmoid", "Softmax", "HardSigmoid", "Abs", "Exp", "Sqrt", "Softplus"]);
const keepsSign = new Set(
  "MaxPool AveragePool GlobalMaxPool GlobalAveragePool Reshape Flatten Transpose Identity Squeeze Unsqueeze".split(
    " ",
  ),
);

function isNonNegative(name: string, makers: ReadonlyMap<string, NodeProto>): boolean {
  const maker = makers.get(name);
  if (!maker || !isStandard(maker.domain)) return false;
  if (nonNegative.has(maker.opType)) return true;
  return keepsSign.has(maker.opType) && isNonNegative(maker.input[0] ?? "", makers);
}
