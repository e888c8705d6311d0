import protobuf from "protobufjs";
import { z } from "zod";
import { messageOf, StillhouseError } from "../errors.ts";
import type { OnnxSignature, OnnxTensorType } from "./onnxFile.ts";
import { savedModelSchema } from "./savedModelSchema.ts";

/** A folder or a file that is no SavedModel which could be a teacher. */
export class BadSavedModel extends StillhouseError {}

/** What a SavedModel takes and gives, read without TensorFlow. */
export interface SavedModelSignature extends OnnxSignature {
  /** Name of the signature that is used, and tags of its graph. */
  readonly signature: string;
  readonly tags: readonly string[];
}

/** The signature that exporters give a model's prediction, and the tag of a graph that is to be served. */
const SERVING = "serving_default";
const SERVE = "serve";
/** Runs once when a model is loaded: no prediction. */
const INITIALISES = "__saved_model_init_op";

/** TensorFlow's numbers of element types, as ONNX calls them. */
const dtypes: Readonly<Record<number, string>> = {
  1: "float",
  2: "double",
  3: "int32",
  4: "uint8",
  6: "int8",
  7: "string",
  9: "int64",
  10: "bool",
};
const FLOAT = 1;

const Shape = z.object({
  dim: z.array(z.object({ size: z.number().default(0) })).default([]),
  unknownRank: z.boolean().default(false),
});
const TensorInfo = z.object({
  name: z.string().default(""),
  dtype: z.int().default(0),
  tensorShape: Shape.optional(),
});
const Tensors = z.record(z.string(), TensorInfo).default({});
const Attribute = z.object({
  type: z.int().optional(),
  shape: Shape.optional(),
  tensor: z.object({ dtype: z.int().default(0), tensorShape: Shape.optional() }).optional(),
});
const Node = z.object({
  name: z.string().default(""),
  op: z.string().default(""),
  input: z.array(z.string()).default([]),
  attr: z.record(z.string(), Attribute).default({}),
});
type Node = z.infer<typeof Node>;
const MetaGraph = z.object({
  metaInfoDef: z.object({ tags: z.array(z.string()).default([]) }).optional(),
  graphDef: z.object({ node: z.array(Node).default([]) }).optional(),
  signatureDef: z.record(z.string(), z.object({ inputs: Tensors, outputs: Tensors })).default({}),
});
const SavedModel = z.object({ metaGraphs: z.array(MetaGraph).min(1) });

const Message = protobuf.Root.fromJSON(savedModelSchema).lookupType("tensorflow.SavedModel");

/**
 * Reads saved_model.pb.
 * @throws BadSavedModel where it has no graph that is to be served, or a choice between signatures
 */
export function readSavedModel(bytes: Uint8Array): SavedModelSignature {
  let model: z.infer<typeof SavedModel>;
  try {
    model = SavedModel.parse(Message.toObject(Message.decode(bytes), { longs: Number }));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause).split("\n")[0] : messageOf(cause);
    throw new BadSavedModel(
      `Cannot read ${bytes.length} bytes as a saved_model.pb: ${why}; the file may be cut off or of another format`,
      { fields: { bytes: bytes.length }, cause },
    );
  }
  const tagged = model.metaGraphs.map((graph) => ({ ...graph, tags: graph.metaInfoDef?.tags ?? [] }));
  const graph = tagged.find(({ tags }) => tags.length === 1 && tags[0] === SERVE);
  if (!graph) {
    throw new BadSavedModel(
      `Cannot use the SavedModel as none of its graphs is tagged "${SERVE}" alone: there are [${tagged.map(({ tags }) => tags.join(" and ")).join(", ")}]`,
    );
  }
  const signatures = Object.keys(graph.signatureDef).filter((name) => name !== INITIALISES);
  const signature = signatures.includes(SERVING) ? SERVING : signatures[0];
  if (signature === undefined || (signature !== SERVING && signatures.length > 1)) {
    throw new BadSavedModel(
      `Cannot choose the SavedModel's signature as it has none called "${SERVING}" and ${signatures.length} others: [${signatures.join(", ")}]; export it with one`,
      { fields: { signatures } },
    );
  }
  const { inputs, outputs } = graph.signatureDef[signature] as { inputs: Tensors; outputs: Tensors };
  const nodes = graph.graphDef?.node ?? [];
  const operators = new Map<string, number>();
  for (const { op } of nodes) operators.set(op, (operators.get(op) ?? 0) + 1);
  const given = typesOf(outputs);
  return {
    signature,
    tags: graph.tags,
    inputs: typesOf(inputs),
    outputs: given,
    inner: given,
    operators,
    parameters: needed(
      nodes,
      Object.values(outputs).map(({ name }) => name),
    ).reduce((sum, node) => sum + heldBy(node), 0),
  };
}

type Tensors = z.infer<typeof Tensors>;

function typesOf(tensors: Tensors): OnnxTensorType[] {
  return Object.entries(tensors)
    .map(([name, { dtype, tensorShape }]) => ({
      name,
      dtype: dtypes[dtype] ?? `type ${dtype}`,
      shape: tensorShape?.unknownRank
        ? undefined
        : (tensorShape?.dim ?? []).map(({ size }) => (size > 0 ? size : null)),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Nodes that the tensors need: an exporter may leave copies of all variables beside those that predict. */
function needed(nodes: readonly Node[], tensors: readonly string[]): Node[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const found = new Set<Node>();
  const open = [...tensors];
  for (let tensor = open.pop(); tensor !== undefined; tensor = open.pop()) {
    const node = byName.get(tensor.replace(/^\^|:\d+$/g, ""));
    if (!node || found.has(node)) continue;
    found.add(node);
    open.push(...node.input);
  }
  return [...found];
}

/** Floats of a variable, or of a constant. */
function heldBy({ op, attr }: Node): number {
  if (op === "VarHandleOp" || op === "VariableV2") {
    return attr.dtype?.type === FLOAT ? sizeOf(attr.shape?.shape) : 0;
  }
  const constant = op === "Const" ? attr.value?.tensor : undefined;
  return constant?.dtype === FLOAT ? sizeOf(constant.tensorShape) : 0;
}

function sizeOf(shape: z.infer<typeof Shape> | undefined): number {
  return (shape?.dim ?? []).reduce((product, { size }) => product * Math.max(0, size), 1);
}
