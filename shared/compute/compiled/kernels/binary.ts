import type { ElementType, Graph, Value } from "../graph.ts";
import type { KernelRule } from "../kernelRule.ts";
import { elementwise } from "./layout.ts";
import { operand, operandList } from "./operands.ts";
import { binary, broadcastShape, cast, reshape, sameShape, unary } from "./operators.ts";
import { isZeros } from "./zeros.ts";

type Compute = (g: Graph, a: Value, b: Value) => Value;

/** A kernel of two operands. @param dtype of the result; that of the first operand where left out */
function binaryRule(kernel: string, compute: Compute, dtype?: ElementType, names = ["a", "b"]): KernelRule {
  const [first, second] = names as [string, string];
  return {
    kernel,
    infer(inputs) {
      const a = operand(inputs, first);
      const b = operand(inputs, second);
      return { shape: broadcastShape(a.shape, b.shape), dtype: dtype ?? a.dtype };
    },
    lower(g, inputs) {
      const a = operand(inputs, first);
      const b = operand(inputs, second);
      const shape = broadcastShape(a.shape, b.shape);
      return elementwise(g, [a, b], shape, ([x, y]) => compute(g, x as Value, y as Value));
    },
  };
}

/** Arithmetic, which ONNX has for numbers alone: truth values are computed as whole numbers. */
const arithmetic =
  (type: string): Compute =>
  (g, a, b) =>
    a.dtype === "bool"
      ? cast(g, binary(g, type, cast(g, a, "int32"), cast(g, b, "int32")), "bool")
      : binary(g, type, a, b);

const comparison =
  (type: string): Compute =>
  (g, a, b) =>
    a.dtype === "bool"
      ? binary(g, type, cast(g, a, "int32"), cast(g, b, "int32"), "bool")
      : binary(g, type, a, b, "bool");

/** Gradients are often summed up from zeros. */
function add(g: Graph, a: Value, b: Value): Value {
  const shape = broadcastShape(a.shape, b.shape);
  if (isZeros(a) && sameShape(b.shape, shape)) return b;
  if (isZeros(b) && sameShape(a.shape, shape)) return a;
  return arithmetic("Add")(g, a, b);
}

function squaredDifference(g: Graph, a: Value, b: Value): Value {
  const difference = binary(g, "Sub", a, b);
  return binary(g, "Mul", difference, difference);
}

function where(g: Graph, condition: Value, yes: Value, no: Value): Value {
  const shape = broadcastShape(condition.shape, broadcastShape(yes.shape, no.shape));
  const dtype = yes.dtype;
  if (dtype !== "bool") return g.op("Where", [condition, yes, no], { shape, dtype });
  return cast(g, where(g, condition, cast(g, yes, "int32"), cast(g, no, "int32")), dtype);
}

function and(g: Graph, ...conditions: [Value, ...Value[]]): Value {
  return conditions.reduce((a, b) => binary(g, "And", a, b, "bool"));
}

const isNegative = (g: Graph, x: Value): Value => binary(g, "Less", x, g.scalar(0, x.dtype), "bool");

/**
 * Division of whole numbers computes in int64, where no quotient overflows, and divides by 1 in place of 0, which would
 * end the process. JavaScript's infinities and NaN become 0 in a whole number.
 */
function divideWhole(g: Graph, a: Value, b: Value, compute: (a: Value, b: Value) => Value): Value {
  const wide = cast(g, b, "int64");
  const isZero = binary(g, "Equal", wide, g.scalar(0, "int64"), "bool");
  const result = compute(cast(g, a, "int64"), where(g, isZero, g.scalar(1, "int64"), wide));
  return cast(g, where(g, isZero, g.scalar(0, "int64"), result), "int32");
}

/** The largest whole number that is not above a / b, as int32 for every type of operand. */
function floorDiv(g: Graph, a: Value, b: Value): Value {
  if (a.dtype === "float32") return cast(g, unary(g, "Floor", binary(g, "Div", a, b)), "int32");
  return divideWhole(g, a, b, (x, y) => {
    const towardsZero = binary(g, "Div", x, y);
    const rest = binary(g, "Sub", x, binary(g, "Mul", towardsZero, y));
    const inexact = unary(g, "Not", binary(g, "Equal", rest, g.scalar(0, "int64"), "bool"));
    const opposite = binary(g, "Xor", isNegative(g, x), isNegative(g, y), "bool");
    return binary(g, "Sub", towardsZero, cast(g, and(g, inexact, opposite), "int64"));
  });
}

/** The rest with the sign of the divisor. */
function mod(g: Graph, a: Value, b: Value): Value {
  if (a.dtype !== "float32") return divideWhole(g, a, b, (x, y) => binary(g, "Mod", x, y));
  const fmod = (x: Value, y: Value): Value =>
    g.op("Mod", [x, y], { shape: broadcastShape(x.shape, y.shape), dtype: "float32" }, { fmod: 1 });
  const rest = fmod(a, b);
  const opposite = binary(g, "Xor", isNegative(g, a), isNegative(g, b), "bool");
  return where(g, opposite, fmod(binary(g, "Add", rest, b), b), rest);
}

/** The angle of the point (x, y): atan of the slope, turned by half a circle left of the y axis. */
function atan2(g: Graph, y: Value, x: Value): Value {
  const slope = unary(g, "Atan", binary(g, "Div", y, x));
  const turn = where(g, isNegative(g, y), g.scalar(-Math.PI), g.scalar(Math.PI));
  const angle = binary(g, "Add", slope, where(g, isNegative(g, x), turn, g.scalar(0)));
  const isZero = (v: Value): Value => binary(g, "Equal", v, g.scalar(0), "bool");
  return where(g, and(g, isZero(x), isZero(y)), g.scalar(0), angle);
}

function prelu(g: Graph, x: Value, alpha: Value): Value {
  return where(g, isNegative(g, x), binary(g, "Mul", alpha, x), x);
}

function eluGrad(g: Graph, dy: Value, y: Value): Value {
  return where(g, isNegative(g, y), binary(g, "Mul", dy, binary(g, "Add", y, g.scalar(1))), dy);
}

const select: KernelRule = {
  kernel: "Select",
  infer(inputs) {
    const { shape, dtype } = operand(inputs, "t");
    return { shape, dtype };
  },
  lower(g, inputs) {
    const yes = operand(inputs, "t");
    const no = operand(inputs, "e");
    let condition = operand(inputs, "condition");
    const rank = yes.shape.length;
    // A list of conditions chooses whole rows.
    if (condition.shape.length === 1 && rank > 1) {
      condition = reshape(g, condition, [...condition.shape, ...new Array<number>(rank - 1).fill(1)]);
    }
    return elementwise(g, [condition, yes, no], yes.shape, ([c, t, e]) =>
      where(g, c as Value, t as Value, cast(g, e as Value, (t as Value).dtype)),
    );
  },
};

const addN: KernelRule = {
  kernel: "AddN",
  infer(inputs) {
    const { shape, dtype } = operand(inputs, "0");
    return { shape, dtype };
  },
  lower(g, inputs) {
    const terms = operandList(inputs);
    const { shape } = terms[0] as Value;
    return elementwise(g, terms, shape, (values) => values.reduce((sum, term) => add(g, sum, term)));
  },
};

/** Kernels of several operands that compute element by element, numpy's broadcasting. */
export const binaryRules: readonly KernelRule[] = [
  binaryRule("Add", add),
  binaryRule("Sub", arithmetic("Sub")),
  binaryRule("Multiply", arithmetic("Mul")),
  binaryRule("RealDiv", arithmetic("Div")),
  binaryRule("Maximum", arithmetic("Max")),
  binaryRule("Minimum", arithmetic("Min")),
  binaryRule("Pow", arithmetic("Pow")),
  binaryRule("SquaredDifference", squaredDifference),
  binaryRule("FloorDiv", floorDiv, "int32"),
  binaryRule("Mod", mod),
  binaryRule("Atan2", atan2),
  binaryRule("Prelu", prelu, "float32", ["x", "alpha"]),
  binaryRule("EluGrad", eluGrad, "float32", ["dy", "y"]),
  binaryRule("Greater", comparison("Greater"), "bool"),
  binaryRule("GreaterEqual", comparison("GreaterOrEqual"), "bool"),
  binaryRule("Less", comparison("Less"), "bool"),
  binaryRule("LessEqual", comparison("LessOrEqual"), "bool"),
  binaryRule("Equal", (g, a, b) => binary(g, "Equal", a, b, "bool"), "bool"),
  binaryRule("NotEqual", (g, a, b) => unary(g, "Not", binary(g, "Equal", a, b, "bool")), "bool"),
  binaryRule("LogicalAnd", (g, a, b) => binary(g, "And", a, b, "bool"), "bool"),
  binaryRule("LogicalOr", (g, a, b) => binary(g, "Or", a, b, "bool"), "bool"),
  select,
  addN,
];
