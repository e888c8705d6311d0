import { type Around, aroundOf, behindReshapes, listOf, scalarOf, usedOnce } from "./around.ts";
import { type Float, float, type OnnxGraph, type OnnxNode, withoutDeadNodes } from "./graph.ts";

/** What stands in a node's place; undefined: the node stays. */
type Rewrite = (node: OnnxNode, around: Around) => OnnxNode | OnnxNode[] | undefined;

/**
 * Says in one operator what TensorFlow.js says in several. A small operator costs more to call than to compute, and
 * each over a layer's activations is one more way through memory.
 */
export function fuse(graph: OnnxGraph): OnnxGraph {
  // A share is a HardSigmoid that is no step of a relu: it comes to be after those.
  return [logSoftmax, stepOfRelu, stepBeforeUnpool, shareByErf, bias, scaledProduct, productOfScaled].reduce(
    rewritten,
    graph,
  );
}

function rewritten(graph: OnnxGraph, rewrite: Rewrite): OnnxGraph {
  const around = aroundOf(graph);
  return withoutDeadNodes({ ...graph, nodes: graph.nodes.flatMap((node) => rewrite(node, around) ?? node) });
}

/** (x - max x) - log sum exp (x - max x), along one axis. */
const logSoftmax: Rewrite = (node, around) => {
  const { maker } = around;
  if (node.type !== "Sub") return undefined;
  const [shifted = "", log = ""] = node.inputs;
  const subtract = maker.get(shifted);
  const sum = maker.get(maker.get(log)?.inputs[0] ?? "");
  const exp = maker.get(sum?.inputs[0] ?? "");
  const max = maker.get(subtract?.inputs[1] ?? "");
  const found =
    maker.get(log)?.type === "Log" &&
    sum?.type === "ReduceSum" &&
    exp?.type === "Exp" &&
    exp.inputs[0] === shifted &&
    subtract?.type === "Sub" &&
    max?.type === "ReduceMax" &&
    max.inputs[0] === subtract.inputs[0] &&
    max.inputs[1] === sum.inputs[1] &&
    [max, sum].every(({ attributes }) => attributes.keepdims === 1);
  if (!found) return undefined;
  const axes = listOf(sum.inputs[1] ?? "", around);
  if (axes?.length !== 1) return undefined;
  return {
    type: "LogSoftmax",
    inputs: [subtract.inputs[0] as string],
    outputs: node.outputs,
    attributes: { axis: axes[0] as number },
  };
};

/** Where x is above 0, so is relu(x): with this no other needs x, and relu can become a part of what makes it. */
const stepOfRelu: Rewrite = (node, { takers }) => {
  if (node.type !== "HardSigmoid") return undefined; // the step of relu's gradient, see kernels/elementwise.ts
  const same = takers.get(node.inputs[0] as string) ?? [];
  // Nodes are in order: a relu that comes after has no value yet.
  const relu = same.slice(0, same.indexOf(node)).find(({ type }) => type === "Relu");
  return relu && { ...node, inputs: [relu.outputs[0] as string] };
};

/**
 * The gradient of a pool after relu passes where the pool's input is above 0: at the place of the greatest, where the
 * output is above 0, and elsewhere it is 0 anyway. So the smaller tensor is masked, before it is spread out.
 */
const stepBeforeUnpool: Rewrite = (node, around) => {
  const { maker } = around;
  if (node.type !== "Mul") return undefined;
  for (const [spread, mask] of [node.inputs, node.inputs.toReversed()] as [string, string][]) {
    const unpool = maker.get(spread);
    const step = maker.get(mask);
    const pool = maker.get(unpool?.inputs[1] ?? "");
    if (unpool?.type !== "MaxUnpool" || step?.type !== "HardSigmoid" || !usedOnce(spread, around)) continue;
    if (pool?.type !== "MaxPool" || pool.inputs[0] !== step.inputs[0]) continue;
    const [gradient = "", ...others] = unpool.inputs;
    const [open, masked] = [`${spread}_open`, `${spread}_masked`];
    return [
      { ...step, inputs: [pool.outputs[0] as string], outputs: [open] },
      { type: "Mul", inputs: [gradient, open], outputs: [masked], attributes: {} },
      { ...unpool, inputs: [masked, ...others], outputs: node.outputs },
    ];
  }
  return undefined;
};

/** A product or a convolution, and then a number for each of its columns or channels. */
const bias: Rewrite = (node, around) => {
  if (node.type !== "Add") return undefined;
  for (const [sum, other] of [node.inputs, node.inputs.toReversed()] as [string, string][]) {
    const product = around.maker.get(sum);
    if (!product || !usedOnce(sum, around) || product.inputs.length !== 2) continue;
    const list =
      product.type === "Gemm" ? other : product.type === "Conv" ? channelsOf(other, around) : undefined;
    const shape = list === undefined ? undefined : around.shapes.get(list);
    // A list that is longer than the product is wide would widen the sum, which a bias cannot.
    if (list === undefined || shape?.length !== 1 || shape[0] !== widthOf(product, around)) continue;
    return { ...product, inputs: [...product.inputs, list], outputs: node.outputs };
  }
  return undefined;
};

/** a erf(x) + b between 0 and 1, as the distribution function of GELU: bounds that nothing reaches change nothing. */
const shareByErf: Rewrite = (node, around) => {
  if (node.type !== "Add") return undefined;
  const sum = withFactor(node, around);
  const scaled = around.maker.get(sum?.value ?? "");
  const product = scaled?.type === "Mul" ? withFactor(scaled, around) : undefined;
  if (!sum || !product || around.maker.get(product.value)?.type !== "Erf") return undefined;
  if (sum.factor < Math.abs(product.factor) || sum.factor + Math.abs(product.factor) > 1) return undefined;
  return {
    type: "HardSigmoid",
    inputs: [product.value],
    outputs: node.outputs,
    attributes: { alpha: float(product.factor), beta: float(sum.factor) },
  };
};

/** A product, maybe seen in another shape, and then a factor of all of it. */
const scaledProduct: Rewrite = (node, around) => {
  const scaled = node.type === "Mul" ? withFactor(node, around) : undefined;
  if (!scaled) return undefined;
  const { source, reshapes } = behindReshapes(scaled.value, around);
  const product = around.maker.get(source);
  const names = [source, ...reshapes.flatMap(({ outputs }) => outputs)];
  if (product?.type !== "Gemm" || !names.every((name) => usedOnce(name, around))) return undefined;
  const [output = ""] = node.outputs;
  const [a = "", b = "", bias] = product.inputs;
  const [last] = reshapes;
  const flat = last ? `${output}_product` : output;
  const scaledBias = `${output}_bias`;
  // Gemm has a factor for its bias too, but then goes over the whole result once more.
  return [
    ...(bias === undefined
      ? []
      : [{ type: "Mul", inputs: [bias, scaled.constant], outputs: [scaledBias], attributes: {} }]),
    {
      ...scaledBy(scaled.factor, product),
      inputs: bias === undefined ? [a, b] : [a, b, scaledBias],
      outputs: [flat],
    },
    ...(last ? [{ ...last, inputs: [flat, last.inputs[1] as string], outputs: [output] }] : []),
  ];
};

/** A product with what has a factor, maybe seen in another shape. */
const productOfScaled: Rewrite = (node, around) => {
  if (node.type !== "Gemm") return undefined;
  for (const side of [0, 1]) {
    const { source, reshapes } = behindReshapes(node.inputs[side] as string, around);
    const scale = around.maker.get(source);
    const scaled = scale?.type === "Mul" ? withFactor(scale, around) : undefined;
    if (!scaled) continue;
    const product = scaledBy(scaled.factor, node);
    const [last] = reshapes;
    if (!last) return { ...product, inputs: node.inputs.with(side, scaled.value) };
    const seen = `${node.outputs[0]}_of_${side}`;
    return [
      { ...last, inputs: [scaled.value, last.inputs[1] as string], outputs: [seen] },
      { ...product, inputs: node.inputs.with(side, seen) },
    ];
  }
  return undefined;
};

function scaledBy(factor: number, { attributes, ...product }: OnnxNode): OnnxNode {
  const alpha = (attributes.alpha as Float | undefined)?.float ?? 1;
  return { ...product, attributes: { ...attributes, alpha: float(alpha * factor) } };
}

/** What an operator combines with a constant number, and the number. One that has axes may give the result more of them. */
function withFactor(
  { inputs }: OnnxNode,
  around: Around,
): { value: string; constant: string; factor: number } | undefined {
  for (const [value, constant] of [inputs, inputs.toReversed()] as [string, string][]) {
    const factor = scalarOf(constant, around);
    if (factor !== undefined && !around.constants.has(value)) return { value, constant, factor };
  }
  return undefined;
}

/** Columns of a product, or channels of a convolution; undefined where they are not known. */
function widthOf({ type, inputs, attributes }: OnnxNode, around: Around): number | undefined {
  const shape = shapeOf(inputs[1] as string, around);
  return shape?.[type === "Conv" || attributes.transB === 1 ? 0 : 1];
}

/** Of an input or a constant, also reshaped or transposed. */
function shapeOf(name: string, around: Around): readonly number[] | undefined {
  const known = around.shapes.get(name);
  const node = around.maker.get(name);
  if (known || !node) return known;
  if (node.type === "Reshape") return listOf(node.inputs[1] as string, around);
  if (node.type !== "Transpose") return undefined;
  const from = shapeOf(node.inputs[0] as string, around);
  return from && (node.attributes.perm as readonly number[]).map((axis) => from[axis] as number);
}

/** The list behind [channels, 1, 1]. */
function channelsOf(name: string, around: Around): string | undefined {
  const reshape = around.maker.get(name);
  const sizes = reshape?.type === "Reshape" ? listOf(reshape.inputs[1] as string, around) : undefined;
  return sizes?.length === 3 && sizes[1] === 1 && sizes[2] === 1 ? reshape?.inputs[0] : undefined;
}
