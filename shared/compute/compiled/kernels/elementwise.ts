import { type ElementType, float, type Graph, type Value } from "../graph.ts";
import type { KernelAttributes, KernelRule } from "../kernelRule.ts";
import { elementwise } from "./layout.ts";
import { operand } from "./operands.ts";
import { binary, cast, unary } from "./operators.ts";

type Compute = (g: Graph, x: Value, attributes: KernelAttributes) => Value;

/** A kernel of one operand. @param dtype of the result; that of the operand where left out */
function unaryRule(kernel: string, compute: Compute, dtype?: ElementType): KernelRule {
  return {
    kernel,
    infer(inputs) {
      const x = operand(inputs, "x");
      return { shape: x.shape, dtype: dtype ?? x.dtype };
    },
    lower(g, inputs, attributes) {
      const x = operand(inputs, "x");
      return elementwise(g, [x], x.shape, ([v]) => compute(g, v as Value, attributes));
    },
  };
}

/** TensorFlow.js's name beside ONNX's, where one operator is the whole kernel; any type of numbers. */
const anyNumbers = { Neg: "Neg", Abs: "Abs", Sign: "Sign", Relu: "Relu" };
const floatsOnly = {
  Exp: "Exp",
  Log: "Log",
  Sqrt: "Sqrt",
  Sigmoid: "Sigmoid",
  Tanh: "Tanh",
  Elu: "Elu",
  Selu: "Selu",
  Softplus: "Softplus",
  Erf: "Erf",
  Floor: "Floor",
  Ceil: "Ceil",
  Round: "Round",
  Reciprocal: "Reciprocal",
  Sin: "Sin",
  Cos: "Cos",
  Tan: "Tan",
  Asin: "Asin",
  Acos: "Acos",
  Atan: "Atan",
  Sinh: "Sinh",
  Cosh: "Cosh",
  Asinh: "Asinh",
  Acosh: "Acosh",
  Atanh: "Atanh",
};

function clip(g: Graph, x: Value, low: number, high: number): Value {
  const { shape, dtype } = x;
  return g.op("Clip", [x, g.scalar(low, dtype), g.scalar(high, dtype)], { shape, dtype });
}

/** Times this, every number above 0 with all its digits, which is from 1.2e-38, is above 1. */
const STEEP = 3e38;

/**
 * 1 where x > 0, else alpha. With alpha 0 it is the mask of relu's gradient, which is as large as a layer's activations:
 * a steep ramp, cut off at 0 and 1, is one operator, and was faster than to compare and cast, or to choose with Where.
 */
function step(g: Graph, x: Value, alpha: number): Value {
  const { shape, dtype } = x;
  if (dtype === "float32" && alpha === 0) {
    return g.op("HardSigmoid", [x], { shape, dtype }, { alpha: float(STEEP), beta: float(0) });
  }
  const positive = binary(g, "Greater", x, g.scalar(0, dtype), "bool");
  const value = g.op("Where", [positive, g.scalar(1, dtype), g.scalar(alpha, dtype)], { shape, dtype });
  if (dtype !== "float32") return value;
  // What is no number stays so.
  return g.op("Where", [g.op("IsNaN", [x], { shape, dtype: "bool" }), x, value], { shape, dtype });
}

/** exp(x) - 1 = 2 sinh(x/2) exp(x/2), which loses no digits near 0; below -100 it is -1. */
function expm1(g: Graph, x: Value): Value {
  const half = binary(g, "Mul", binary(g, "Max", x, g.scalar(-100)), g.scalar(0.5));
  return binary(g, "Mul", binary(g, "Mul", g.scalar(2), unary(g, "Sinh", half)), unary(g, "Exp", half));
}

/** log(1 + x) = 2 atanh(x / (2 + x)), which loses no digits near 0; the first form is better far from it. */
function log1p(g: Graph, x: Value): Value {
  const near = binary(g, "Less", unary(g, "Abs", x), g.scalar(0.5), "bool");
  const fraction = binary(g, "Div", x, binary(g, "Add", x, g.scalar(2)));
  const exact = binary(g, "Mul", g.scalar(2), unary(g, "Atanh", fraction));
  const plain = unary(g, "Log", binary(g, "Add", x, g.scalar(1)));
  return g.op("Where", [near, exact, plain], { shape: x.shape, dtype: x.dtype });
}

function finite(g: Graph, x: Value): Value {
  const type = { shape: x.shape, dtype: "bool" } as const;
  const not = binary(g, "Or", g.op("IsNaN", [x], type), g.op("IsInf", [x], type), "bool");
  return unary(g, "Not", not);
}

/** Kernels of one operand that compute element by element. */
export const elementwiseRules: readonly KernelRule[] = [
  ...Object.entries(anyNumbers).map(([kernel, type]) => unaryRule(kernel, (g, x) => unary(g, type, x))),
  ...Object.entries(floatsOnly).map(([kernel, type]) => unaryRule(kernel, (g, x) => unary(g, type, x))),
  unaryRule("Identity", (_g, x) => x),
  unaryRule("Square", (g, x) => binary(g, "Mul", x, x)),
  unaryRule("Rsqrt", (g, x) => unary(g, "Reciprocal", unary(g, "Sqrt", x))),
  unaryRule("Expm1", expm1),
  unaryRule("Log1p", log1p),
  unaryRule("Relu6", (g, x) => clip(g, x, 0, 6)),
  unaryRule("ClipByValue", (g, x, { clipValueMin, clipValueMax }) =>
    clip(g, x, clipValueMin as number, clipValueMax as number),
  ),
  unaryRule(
    "LeakyRelu",
    (g, x, { alpha }) => {
      const { shape } = x;
      const attributes = { alpha: float(alpha as number) };
      return g.op("LeakyRelu", [cast(g, x, "float32")], { shape, dtype: "float32" }, attributes);
    },
    "float32",
  ),
  unaryRule("Step", (g, x, { alpha }) => step(g, x, (alpha as number | undefined) ?? 0)),
  unaryRule("LogicalNot", (g, x) => unary(g, "Not", x), "bool"),
  unaryRule("IsNan", (g, x) => g.op("IsNaN", [x], { shape: x.shape, dtype: "bool" }), "bool"),
  unaryRule("IsInf", (g, x) => g.op("IsInf", [x], { shape: x.shape, dtype: "bool" }), "bool"),
  unaryRule("IsFinite", finite, "bool"),
  {
    kernel: "Cast",
    infer: (inputs, { dtype }) => ({ shape: operand(inputs, "x").shape, dtype: dtype as ElementType }),
    lower(g, inputs, { dtype }) {
      const x = operand(inputs, "x");
      return elementwise(g, [x], x.shape, ([v]) => cast(g, v as Value, dtype as ElementType));
    },
  },
];
