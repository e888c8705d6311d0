import type { QuantisedWeights } from "./quantiseWeights.ts";

/** A node of a graph, before it is encoded. */
export interface NewNode {
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute?: readonly object[];
}

/** A constant of a graph, before it is encoded. */
export interface NewTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData: Uint8Array;
}

export interface Product {
  /** Name of the left side, and whether none of its numbers is below 0. */
  readonly x: string;
  readonly nonNegative: boolean;
  readonly weights: QuantisedWeights;
  /** The product is multiplied by this: Gemm's alpha. */
  readonly alpha: number;
  /** Added to the product, times `beta`; "": nothing. */
  readonly bias: string;
  readonly beta: number;
  readonly y: string;
}

const [FLOAT, UINT8, INT8] = [1, 2, 3];
const [INT_ATTRIBUTE, INTS_ATTRIBUTE] = [2, 7];
/** From here on axes are an input of a reduction. */
const AXES_ARE_INPUT = 18;

/**
 * y = x w, in whole numbers:
 *
 *   s = max |x| / 127 for each row,  q = round(x / s) + 128,  y = (q - 128) W s S
 *
 * with W the quantised weights and S their scales. Where no x is below 0, s = max x / 255 and q = round(x / s).
 * A row's scale is its own: with ONNX's DynamicQuantizeLinear, which has one scale for the whole tensor, the labels of a
 * sample would depend on the samples that are predicted beside it.
 * @param prefix of new names
 */
export function quantisedProduct(
  { x, nonNegative, weights, alpha, bias, beta, y }: Product,
  prefix: string,
  opset: number,
): { nodes: NewNode[]; tensors: NewTensor[] } {
  const nodes: NewNode[] = [];
  const tensors: NewTensor[] = [];
  const named = (name: string): string => `${prefix}/${name}`;
  const tensor = (name: string, dims: readonly number[], dataType: number, values: ArrayBufferView) => {
    const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    tensors.push({ name: named(name), dims, dataType, rawData });
    return named(name);
  };
  const scalar = (name: string, value: number): string => tensor(name, [], FLOAT, Float32Array.of(value));
  const node = (opType: string, input: string[], output: string, attribute: object[] = []): string => {
    nodes.push({ opType, input, output: [output], attribute });
    return output;
  };
  const cast = (value: string, to: number, output: string): string =>
    node("Cast", [value], output, [{ name: "to", type: INT_ATTRIBUTE, i: to }]);

  const columns = weights.scales.length;
  const rows = weights.values.length / columns;
  const [steps, zero] = nonNegative ? [255, 0] : [127, 128];
  const size = nonNegative ? x : node("Abs", [x], named("size"));
  const axes = { name: "axes", type: INTS_ATTRIBUTE, ints: [-1] };
  const largest =
    opset < AXES_ARE_INPUT
      ? node("ReduceMax", [size], named("largest"), [axes])
      : node("ReduceMax", [size, tensor("axes", [1], 7, BigInt64Array.of(-1n))], named("largest"));
  const exact = node("Mul", [largest, scalar("step", 1 / steps)], named("exact"));
  // A row of zeros: anything but 0.
  const scale = node("Max", [exact, scalar("least", 1e-30)], named("scale"));
  const ratio = node("Div", [x, scale], named("ratio"));
  const whole = node("Round", [ratio], named("whole"));
  const moved = zero === 0 ? whole : node("Add", [whole, scalar("middle", zero)], named("moved"));
  const quantised = cast(moved, UINT8, named("quantised"));

  const zeroPoint = tensor("zero", [], UINT8, Uint8Array.of(zero));
  const matrix = tensor("weights", [rows, columns], INT8, weights.values);
  const product = node("MatMulInteger", [quantised, matrix, zeroPoint], named("product"));
  const floats = cast(product, FLOAT, named("floats"));
  const scales = weights.scales.map((s) => s * alpha);
  const ofRow = node("Mul", [floats, scale], named("of-row"));
  const columnScales = tensor("scales", [columns], FLOAT, scales);
  if (bias === "") {
    node("Mul", [ofRow, columnScales], y);
  } else {
    const scaled = node("Mul", [ofRow, columnScales], named("scaled"));
    const added = beta === 1 ? bias : node("Mul", [bias, scalar("beta", beta)], named("bias"));
    node("Add", [scaled, added], y);
  }
  return { nodes, tensors };
}
