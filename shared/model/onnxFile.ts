import {
  BadOnnxModel,
  type GraphProto,
  isStandard,
  type NodeProto,
  parseOnnx,
  type ValueInfo,
} from "./onnxProto.ts";
import { checkTensor, elements, elementType } from "./onnxTensor.ts";

export interface OnnxTensorType {
  readonly name: string;
  /** As ONNX calls it: float, uint8, int64, ...; empty where a model does not say. */
  readonly dtype: string;
  /** null where the size is left open, as that of the batch; undefined: no shape is given at all. */
  readonly shape: readonly (number | null)[] | undefined;
}

/** What a model takes and gives, read without running it. */
export interface OnnxSignature {
  /** Without those that have a value of their own. */
  readonly inputs: readonly OnnxTensorType[];
  readonly outputs: readonly OnnxTensorType[];
  /** Numbers in its initialisers. */
  readonly parameters: number;
  /** Operator types and how often each is there, with the domain where it is not the standard one. */
  readonly operators: ReadonlyMap<string, number>;
  /** What its nodes, layers or operators give, in their order: names of features. */
  readonly inner: readonly OnnxTensorType[];
}

/**
 * Reads what an ONNX model takes and gives, and refuses one that would read other files, claims more than it holds, or
 * may not end. Runs nothing: the coordinator, which has no ONNX Runtime, checks models by it.
 * @throws BadOnnxModel
 */
export function readOnnx(bytes: Uint8Array): OnnxSignature {
  const { graph, functions } = parseOnnx(bytes);
  const graphs = [...withInnerGraphs(graph), ...functions.flatMap(({ node }) => node.flatMap(innerGraphs))];
  const nodes = [...graphs.flatMap(({ node }) => node), ...functions.flatMap(({ node }) => node)];
  const tensors = [
    ...graphs.flatMap(({ initializer, sparseInitializer }) => [
      ...initializer,
      ...sparseInitializer.flatMap(({ values }) => values ?? []),
    ]),
    ...nodes.flatMap(({ attribute }) =>
      attribute.flatMap(({ t, tensors }) => [...(t ? [t] : []), ...tensors]),
    ),
  ];
  for (const tensor of tensors) checkTensor(tensor);
  checkEnds(nodes);
  const own = new Set(graph.initializer.map(({ name }) => name));
  const operators = new Map<string, number>();
  for (const { opType, domain } of nodes) {
    const type = isStandard(domain) ? opType : `${domain}.${opType}`;
    operators.set(type, (operators.get(type) ?? 0) + 1);
  }
  const inputs = graph.input.filter(({ name }) => !own.has(name)).map(typeOf);
  const outputs = graph.output.map(typeOf);
  if (inputs.length === 0 || outputs.length === 0) {
    throw new BadOnnxModel(
      `Cannot use the ONNX model: it has ${inputs.length} inputs and ${outputs.length} outputs, at least one of each is needed`,
    );
  }
  const parameters = graph.initializer.reduce((sum, { dims }) => sum + elements(dims), 0);
  const inner = graph.node.flatMap(({ output }) =>
    output.flatMap((name) => (name === "" ? [] : [{ name, dtype: "", shape: undefined }])),
  );
  return { inputs, outputs, parameters, operators, inner };
}

/** `input float [batch, 1, 28, 28]`, as people read it. */
export function describeTensor({ name, dtype, shape }: OnnxTensorType): string {
  const sizes = shape === undefined ? "of unknown shape" : `[${shape.map((n) => n ?? "any").join(", ")}]`;
  return [`"${name}"`, dtype, sizes].filter((part) => part !== "").join(" ");
}

/** Inputs and outputs in one line each. */
export function describeSignature({ inputs, outputs }: Pick<OnnxSignature, "inputs" | "outputs">): string {
  return `inputs ${inputs.map(describeTensor).join(", ")}; outputs ${outputs.map(describeTensor).join(", ")}`;
}

function withInnerGraphs(graph: GraphProto): GraphProto[] {
  return [graph, ...graph.node.flatMap(innerGraphs)];
}

function innerGraphs({ attribute }: NodeProto): GraphProto[] {
  return attribute.flatMap(({ g, graphs }) => [...(g ? [g] : []), ...graphs]).flatMap(withInnerGraphs);
}

/** A loop runs as often as its inputs say, which nobody can stop inside of ONNX Runtime. */
function checkEnds(nodes: readonly NodeProto[]): void {
  if (nodes.some(({ opType }) => opType === "Loop")) {
    throw new BadOnnxModel(
      "Cannot use the ONNX model as it has the operator Loop: nothing bounds how long it runs; export it with loops unrolled",
      { fields: { operator: "Loop" } },
    );
  }
}

function typeOf({ name, type }: ValueInfo): OnnxTensorType {
  const tensor = type?.tensorType;
  return {
    name,
    dtype: elementType(tensor?.elemType ?? 0).name,
    shape: tensor?.shape?.dim.map(({ dimValue }) =>
      dimValue !== undefined && dimValue > 0 ? dimValue : null,
    ),
  };
}
