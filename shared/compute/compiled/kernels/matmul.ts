import { float, type Graph, LoweringError, type TypeAndShape, type Value } from "../graph.ts";
import type { KernelAttributes, KernelRule } from "../kernelRule.ts";
import { operand, operandList } from "./operands.ts";
import { binary, broadcastShape, reshape, sizeOf, transpose, unary } from "./operators.ts";

interface Transposes {
  transposeA: boolean;
  transposeB: boolean;
}

function transposesOf({ transposeA, transposeB }: KernelAttributes): Transposes {
  return { transposeA: Boolean(transposeA), transposeB: Boolean(transposeB) };
}

const matrix = (shape: readonly number[]): [number, number] => shape.slice(-2) as [number, number];
const batch = (shape: readonly number[]): number[] => shape.slice(0, -2);

function productType(a: TypeAndShape, b: TypeAndShape, { transposeA, transposeB }: Transposes): TypeAndShape {
  const rows = matrix(a.shape)[transposeA ? 1 : 0];
  const columns = matrix(b.shape)[transposeB ? 0 : 1];
  return { shape: [...broadcastShape(batch(a.shape), batch(b.shape)), rows, columns], dtype: a.dtype };
}

/** The matrix with its last two axes swapped; ONNX Runtime takes the transpose into the product. */
function swapped(g: Graph, x: Value, swap: boolean): Value {
  if (!swap) return x;
  const rank = x.shape.length;
  return transpose(g, x, [...x.shape.keys()].slice(0, rank - 2).concat(rank - 1, rank - 2));
}

/** @param bias broadcast against the product */
function multiply(g: Graph, a: Value, b: Value, how: Transposes, bias?: Value): Value {
  const { shape, dtype } = productType(a, b, how);
  const { transposeA, transposeB } = how;
  const oneB = sizeOf(batch(b.shape)) === 1;
  // One matrix from the right multiplies all rows of a batch at once.
  const rowsOfBatch = oneB && !transposeA;
  if (dtype === "float32" && oneB && (rowsOfBatch || sizeOf(batch(a.shape)) === 1)) {
    const [rowsA, columnsA] = matrix(a.shape);
    const flat = reshape(g, a, rowsOfBatch ? [sizeOf(a.shape) / columnsA, columnsA] : [rowsA, columnsA]);
    const columns = shape.at(-1) as number;
    const rows = sizeOf(shape) / columns;
    const inside =
      bias && sizeOf(bias.shape) === bias.shape.at(-1) ? [reshape(g, bias, [sizeOf(bias.shape)])] : [];
    const product = g.op(
      "Gemm",
      [flat, reshape(g, b, matrix(b.shape)), ...inside],
      { shape: [rows, columns], dtype },
      { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 },
    );
    const whole = reshape(g, product, shape);
    return bias && inside.length === 0 ? binary(g, "Add", whole, bias) : whole;
  }
  const product = g.op("MatMul", [swapped(g, a, transposeA), swapped(g, b, transposeB)], { shape, dtype });
  return bias ? binary(g, "Add", product, bias) : product;
}

/** The activations that TensorFlow.js fuses into products and convolutions. */
export function activated(
  g: Graph,
  x: Value,
  { activation, leakyreluAlpha }: KernelAttributes,
  preluWeights?: Value,
): Value {
  const { shape, dtype } = x;
  switch (activation ?? "linear") {
    case "linear":
      return x;
    case "relu":
      return unary(g, "Relu", x);
    case "elu":
      return unary(g, "Elu", x);
    case "sigmoid":
      return unary(g, "Sigmoid", x);
    case "relu6":
      return g.op("Clip", [x, g.scalar(0), g.scalar(6)], { shape, dtype });
    case "leakyrelu":
      return g.op("LeakyRelu", [x], { shape, dtype }, { alpha: float(leakyreluAlpha as number) });
    case "prelu": {
      if (!preluWeights) throw new LoweringError("Cannot lower a fused prelu without its weights");
      const negative = binary(g, "Less", x, g.scalar(0), "bool");
      return g.op("Where", [negative, binary(g, "Mul", preluWeights, x), x], { shape, dtype });
    }
    default:
      throw new LoweringError(
        `Cannot lower the fused activation ${activation}: expected linear, relu, relu6, elu, sigmoid, leakyrelu or prelu`,
      );
  }
}

function matmulRule(kernel: string): KernelRule {
  return {
    kernel,
    infer: (inputs, attributes) =>
      productType(operand(inputs, "a"), operand(inputs, "b"), transposesOf(attributes)),
    lower(g, inputs, attributes) {
      const a = operand(inputs, "a");
      const b = operand(inputs, "b");
      const product = multiply(g, a, b, transposesOf(attributes), inputs.bias);
      return activated(g, product, attributes, inputs.preluActivationWeights);
    },
  };
}

const einsum: KernelRule = {
  kernel: "Einsum",
  infer(inputs, { equation }) {
    const tensors = operandList(inputs);
    const [from, to] = (equation as string).replaceAll(" ", "").split("->") as [string, string];
    const sizes = new Map<string, number>();
    from.split(",").forEach((letters, place) => {
      [...letters].forEach((letter, axis) => {
        sizes.set(letter, tensors[place]?.shape[axis] as number);
      });
    });
    const { dtype } = operand(inputs, "0");
    return { shape: [...to].map((letter) => sizes.get(letter) as number), dtype };
  },
  lower(g, inputs, attributes) {
    const equation = attributes.equation as string;
    return g.op("Einsum", operandList(inputs), this.infer(inputs, attributes) as TypeAndShape, { equation });
  },
};

export const matmulRules: readonly KernelRule[] = [
  matmulRule("BatchMatMul"),
  matmulRule("_FusedMatMul"),
  einsum,
];
