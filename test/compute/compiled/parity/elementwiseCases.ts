import * as tf from "@tensorflow/tfjs";
import type { Case, Draw } from "./draw.ts";

type Unary = (x: tf.Tensor) => tf.Tensor;
type Binary = (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;
type Inputs = Record<string, tf.Tensor>;

/** Kernels of one operand, and between which numbers they are tried. */
const floats: readonly [kernel: string, compute: Unary, from?: number, to?: number][] = [
  ["Exp", tf.exp],
  ["Log", tf.log, 0.1, 5],
  ["Sqrt", tf.sqrt, 0.1, 5],
  ["Rsqrt", tf.rsqrt, 0.1, 5],
  ["Reciprocal", tf.reciprocal, 0.5, 3],
  ["Sigmoid", tf.sigmoid],
  ["Tanh", tf.tanh],
  ["Elu", tf.elu],
  ["Selu", tf.selu],
  ["Softplus", tf.softplus],
  ["Erf", tf.erf],
  ["Floor", tf.floor],
  ["Ceil", tf.ceil],
  ["Sin", tf.sin],
  ["Cos", tf.cos],
  ["Tan", tf.tan, -1.2, 1.2],
  ["Asin", tf.asin, -0.9, 0.9],
  ["Acos", tf.acos, -0.9, 0.9],
  ["Atan", tf.atan],
  ["Sinh", tf.sinh],
  ["Cosh", tf.cosh],
  ["Asinh", tf.asinh],
  ["Acosh", tf.acosh, 1.2, 5],
  ["Atanh", tf.atanh, -0.9, 0.9],
  ["Expm1", tf.expm1],
  ["Log1p", tf.log1p, -0.9, 4],
  ["Relu", tf.relu],
  ["Relu6", tf.relu6, -3, 9],
  ["Square", tf.square],
  ["Neg", tf.neg],
  ["Abs", tf.abs],
  ["Sign", tf.sign],
  ["LeakyRelu", (x) => tf.leakyRelu(x, 0.3)],
];

const unary = (kernel: string, compute: Unary, operand: (d: Draw, shape: number[]) => tf.Tensor): Case => ({
  kernel,
  draw: (d) => ({
    inputs: { x: operand(d, d.shape()) },
    compute: ({ x }: Inputs) => compute(x as tf.Tensor),
  }),
});

const binary = (
  kernel: string,
  compute: Binary,
  operands: (d: Draw, shape: number[], which: number) => tf.Tensor,
): Case => ({
  kernel,
  draw(d) {
    const [a, b] = d.pair();
    return {
      inputs: { a: operands(d, a, 0), b: operands(d, b, 1) },
      compute: ({ a, b }: Inputs) => compute(a as tf.Tensor, b as tf.Tensor),
    };
  },
});

/** Floating-point numbers in most draws, whole numbers in some. */
const numbers = (d: Draw, shape: number[]): tf.Tensor => (d.place === 3 ? d.wholes(shape) : d.floats(shape));

/** Numbers that are often equal, of every type. */
const comparable = (d: Draw, shape: number[]): tf.Tensor =>
  d.place === 2 ? d.bools(shape) : d.place === 3 ? d.wholes(shape, -1, 1) : d.among(shape, [-1, 0, 1]);

/** Runs a kernel that no function of the library's interface stands for. */
const kernel = (name: string, inputs: Inputs, attributes: Record<string, number> = {}): tf.Tensor =>
  tf.engine().runKernel(name, inputs, attributes) as tf.Tensor;

export const elementwiseCases: readonly Case[] = [
  ...floats.map(([name, compute, from, to]) => unary(name, compute, (d, shape) => d.floats(shape, from, to))),
  unary("Identity", tf.clone, numbers),
  unary("Round", tf.round, (d, shape) => d.among(shape, [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])),
  unary(
    "Step",
    (x) => tf.step(x),
    (d, shape) => d.among(shape, [0, -1, 1e-30, -1e-30, 1e30]),
  ),
  {
    kernel: "Step",
    draw: (d) => ({
      inputs: { x: d.place > 1 ? d.wholes(d.shape()) : d.among(d.shape(), [0, Number.NaN, 2]) },
      compute: ({ x }: Inputs) => tf.step(x as tf.Tensor, 0.25),
    }),
  },
  unary("LogicalNot", tf.logicalNot, (d, shape) => d.bools(shape)),
  ...(
    [
      ["IsNan", tf.isNaN],
      ["IsInf", tf.isInf],
      ["IsFinite", tf.isFinite],
    ] as const
  ).map(([name, compute]) =>
    unary(name, compute, (d, shape) =>
      d.among(shape, [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]),
    ),
  ),
  unary("ClipByValue", (x) => tf.clipByValue(x, -1, 0.5), numbers),
  {
    kernel: "Cast",
    draw(d) {
      const dtype = d.pick(["float32", "int32", "bool"] as const);
      const x = d.pick([
        (shape: number[]) => d.among(shape, [0, 1, -1.5]),
        (shape: number[]) => d.wholes(shape, -2, 2),
        (shape: number[]) => d.bools(shape),
      ])(d.shape());
      return { inputs: { x }, compute: ({ x }: Inputs) => tf.cast(x as tf.Tensor, dtype) };
    },
  },
  {
    kernel: "Cast",
    draw: (d) => ({
      inputs: { x: d.floats(d.shape(), -9, 9) },
      compute: ({ x }: Inputs) => tf.cast(x as tf.Tensor, "int32"),
    }),
  },
  unary("Expm1", tf.expm1, (d, shape) => d.among(shape, [-1e-6, 1e-6, -200, 50, 0])),
  unary("Log1p", tf.log1p, (d, shape) => d.among(shape, [-1e-6, 1e-6, -0.999, 1e6, 0, -1, -3])),

  binary("Add", tf.add, numbers),
  binary("Sub", tf.sub, numbers),
  binary("Multiply", tf.mul, numbers),
  binary("RealDiv", tf.div, (d, shape) => d.floats(shape, 0.5, 3)),
  binary("Maximum", tf.maximum, numbers),
  binary("Minimum", tf.minimum, numbers),
  binary("SquaredDifference", tf.squaredDifference, numbers),
  binary("Pow", tf.pow, (d, shape, which) =>
    d.place === 3 ? d.wholes(shape, 0, 3) : which === 0 ? d.floats(shape, 0.2, 3) : d.floats(shape),
  ),
  binary("FloorDiv", tf.floorDiv, (d, shape) =>
    d.place > 1 ? d.wholes(shape) : d.among(shape, [-2, -1.3, 3, 0.7]),
  ),
  binary("Mod", tf.mod, (d, shape) => (d.place > 1 ? d.wholes(shape) : d.among(shape, [-2, -1.3, 3, 0.7]))),
  binary("Atan2", tf.atan2, (d, shape) => d.floats(shape)),
  binary("Atan2", tf.atan2, (d, shape) => d.among(shape, [-1, 0, 1])),
  binary(
    "Prelu",
    (x, alpha) => tf.prelu(tf.add(x, tf.zerosLike(alpha)), alpha),
    (d, shape) => d.floats(shape),
  ),
  ...(
    [
      ["Greater", tf.greater],
      ["GreaterEqual", tf.greaterEqual],
      ["Less", tf.less],
      ["LessEqual", tf.lessEqual],
      ["Equal", tf.equal],
      ["NotEqual", tf.notEqual],
    ] as const
  ).map(([name, compute]) => binary(name, compute, comparable)),
  binary("LogicalAnd", tf.logicalAnd, (d, shape) => d.bools(shape)),
  binary("LogicalOr", tf.logicalOr, (d, shape) => d.bools(shape)),
  {
    kernel: "EluGrad",
    draw(d) {
      const shape = d.shape();
      return {
        inputs: { dy: d.floats(shape), y: d.floats(shape, -0.9, 1) },
        compute: ({ dy, y }: Inputs) => kernel("EluGrad", { dy: dy as tf.Tensor, y: y as tf.Tensor }),
      };
    },
  },
  {
    kernel: "Select",
    draw(d) {
      const shape = d.shape();
      const operand = d.pick([numbers, (draw: Draw, s: number[]) => draw.bools(s)]);
      return {
        inputs: {
          c: d.bools(d.broadcastable(shape)),
          t: operand(d, shape),
          e: operand(d, d.broadcastable(shape)),
        },
        compute: ({ c, t, e }: Inputs) => tf.where(c as tf.Tensor, t as tf.Tensor, e as tf.Tensor),
      };
    },
  },
  {
    kernel: "AddN",
    draw(d) {
      const shape = d.shape();
      const inputs = Object.fromEntries(
        Array.from({ length: d.whole(1, 4) }, (_, i) => [`x${i}`, numbers(d, shape)]),
      );
      return { inputs, compute: (xs: Inputs) => tf.addN(Object.values(xs)) };
    },
  },
];
