import { StillhouseError } from "../../errors.ts";
import { isStandard, parseOnnx } from "../onnxProto.ts";
import { Constants } from "./constantMatrices.ts";
import { findProduct } from "./findProduct.ts";
import { quantisedProduct } from "./quantisedProduct.ts";
import { replaceNodes } from "./replaceNodes.ts";

/** A model that cannot be quantised. */
export class CannotQuantise extends StillhouseError {}

export interface QuantisedOnnx {
  readonly bytes: Uint8Array;
  /** Products that are computed in whole numbers now. */
  readonly products: number;
  /** How many weights they have. */
  readonly weights: number;
}

/** Round and axes that are counted from the end are there from here on. */
const LEAST_OPSET = 11;
/** Older ones say with attributes how operands are broadcast. */
const OLDEST_OPSET = 7;

/** Operators that mean the same in versions 7 to 11. */
const unchanged = new Set(
  `Abs Add And AveragePool BatchNormalization Cast Ceil Concat Constant Conv ConvTranspose Div Elu Equal Erf Exp
  Expand Flatten Floor Gather Gemm GlobalAveragePool GlobalMaxPool Greater HardSigmoid Identity InstanceNormalization
  LRN LeakyRelu Less Log LogSoftmax MatMul Max MaxPool Min Mul Neg Not Or PRelu Pow Reciprocal ReduceMax ReduceMean
  ReduceMin ReduceSum Relu Reshape Selu Shape Sigmoid Sign Softmax Softplus Softsign Split Sqrt Squeeze Sub Sum Tanh Tile
  Transpose Unsqueeze Where`.split(/\s+/),
);

/**
 * A model whose products with constant matrices (MatMul, Gemm) are computed in whole numbers of 8 bits. Convolutions stay
 * as they are: ONNX Runtime's in whole numbers are no faster on the CPU.
 * @throws CannotQuantise where no such product is there, or an operator whose meaning depends on a version of ONNX's
 *   operators that has no whole numbers; BadOnnxModel
 */
export function quantiseOnnx(bytes: Uint8Array): QuantisedOnnx {
  const model = parseOnnx(bytes);
  const { graph } = model;
  const opset = opsetOf(model);
  const constants = new Constants(graph);
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node])));
  const found = graph.node.map((node) => findProduct(node, constants, makers));
  const products = found.filter((product) => product !== undefined);
  if (products.length === 0) {
    throw new CannotQuantise(
      "Cannot quantise the model: it has no product with a constant matrix (MatMul, Gemm), and convolutions stay in floats; leave quantise out",
    );
  }
  const replacements = found.map(
    (product, place) => product && quantisedProduct(product, `stillhouse_int8_${place}`, opset),
  );
  return {
    bytes: replaceNodes(bytes, model, replacements, opset),
    products: products.length,
    weights: products.reduce((sum, { weights }) => sum + weights.values.length, 0),
  };
}

/** The version of the standard operators that the quantised model has. */
function opsetOf({ graph, opsetImport }: ReturnType<typeof parseOnnx>): number {
  const written = opsetImport.find(({ domain }) => isStandard(domain))?.version ?? 1;
  if (written >= LEAST_OPSET) return written;
  const odd = graph.node.find(({ opType, domain }) => !isStandard(domain) || !unchanged.has(opType));
  if (written >= OLDEST_OPSET && !odd) return LEAST_OPSET;
  throw new CannotQuantise(
    `Cannot quantise the model as it is written in version ${written} of ONNX's operators, and ${odd?.opType ?? "all"} may mean something else in version ${LEAST_OPSET}, which whole numbers need: export it with opset ${LEAST_OPSET} or a later one`,
    { fields: { opset: written, operator: odd?.opType } },
  );
}
