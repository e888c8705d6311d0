import protobuf from "protobufjs";
import { type GraphProto, isStandard, type ModelProto, type NodeProto } from "../onnxProto.ts";
import { onnxSchema } from "../onnxSchema.ts";
import { messageField, wireFields } from "../wireFields.ts";
import type { NewNode, NewTensor } from "./quantisedProduct.ts";

/** What stands in a node's place. */
export interface Replacement {
  readonly nodes: readonly NewNode[];
  readonly tensors: readonly NewTensor[];
}

/** Fields of ModelProto and GraphProto. */
const [IR_VERSION, GRAPH, OPSET] = [1, 7, 8];
const [NODE, INITIALIZER, INPUT] = [1, 5, 11];

/** Of the format: before the fourth every initialiser had to be an input, and version 11 of the operators came with this. */
const LEAST_FORMAT = 6;

const root = protobuf.Root.fromJSON(onnxSchema);
const encoded = (type: string, message: object): Uint8Array =>
  root
    .lookupType(`onnx.${type}`)
    .encode(message as Record<string, unknown>)
    .finish();

/**
 * The bytes of a model with other nodes in the place of some, without the nodes and initialisers that nobody needs any
 * more. All else stays byte by byte, as far as it is known here or not.
 * @param model parsed from the bytes
 * @param replacements one for each node of its graph; undefined: the node stays
 * @param opset version of the standard operators
 */
export function replaceNodes(
  bytes: Uint8Array,
  { graph, opsetImport, irVersion }: ModelProto,
  replacements: readonly (Replacement | undefined)[],
  opset: number,
): Uint8Array {
  const fields = wireFields(bytes);
  // A message may stand in several parts: together they are one.
  const parts = fields.filter(({ id }) => id === GRAPH).flatMap(({ content }) => wireFields(content));
  const nodeFields = parts.filter(({ id }) => id === NODE);
  const added = replacements.filter((one) => one !== undefined);
  const kept = graph.node.filter((_, place) => !replacements[place]);
  const needed = stillNeeded(kept, graph, added);
  const nodes = graph.node.flatMap((node, place) => {
    const replacement = replacements[place];
    if (replacement) return replacement.nodes.map((one) => messageField(NODE, encoded("NodeProto", one)));
    return needed.has(node) ? [nodeFields[place]?.whole as Uint8Array] : [];
  });
  const names = namesOf([...needed], graph, added);
  const dropped = (name: string | undefined): boolean => name !== undefined && !names.has(name);
  const initialisers = new Set(graph.initializer.map(({ name }) => name));
  const places = { initialiser: 0, input: 0 };
  const others = parts.flatMap(({ id, whole }) => {
    if (id === NODE) return [];
    if (id === INITIALIZER) return dropped(graph.initializer[places.initialiser++]?.name) ? [] : [whole];
    if (id !== INPUT) return [whole];
    // Until version 4 of the format an initialiser had to be an input too.
    const input = graph.input[places.input++]?.name ?? "";
    return initialisers.has(input) && dropped(input) ? [] : [whole];
  });
  const tensors = added.flatMap(({ tensors }) =>
    tensors.map((tensor) => messageField(INITIALIZER, encoded("TensorProto", tensor))),
  );
  const opsets = opsetImport.map(({ domain, version }) => {
    const id = { domain, version: isStandard(domain) ? opset : version };
    return messageField(OPSET, encoded("OperatorSetIdProto", id));
  });
  const format = encoded("ModelProto", { irVersion: Math.max(irVersion, LEAST_FORMAT) });
  const rest = fields.flatMap(({ id, whole }) => ([IR_VERSION, GRAPH, OPSET].includes(id) ? [] : [whole]));
  return Buffer.concat([format, ...rest, ...opsets, messageField(GRAPH, ...nodes, ...others, ...tensors)]);
}

/** Names that nodes take, with those that inner graphs take from outside, and what the graph gives. */
function namesOf(nodes: readonly NodeProto[], graph: GraphProto, added: readonly Replacement[]): Set<string> {
  const taken = (node: NodeProto): string[] => [
    ...node.input,
    ...node.attribute.flatMap(({ g, graphs }) =>
      [...(g ? [g] : []), ...graphs].flatMap((inner) => [
        ...inner.node.flatMap(taken),
        ...inner.output.map(({ name }) => name),
      ]),
    ),
  ];
  return new Set([
    ...nodes.flatMap(taken),
    ...added.flatMap(({ nodes }) => nodes.flatMap(({ input }) => input)),
    ...graph.output.map(({ name }) => name),
  ]);
}

/** Without the nodes that only brought weights into form. */
function stillNeeded(
  kept: readonly NodeProto[],
  graph: GraphProto,
  added: readonly Replacement[],
): ReadonlySet<NodeProto> {
  let alive = [...kept];
  for (;;) {
    const names = namesOf(alive, graph, added);
    const next = alive.filter(({ output }) => output.some((name) => names.has(name)));
    if (next.length === alive.length) return new Set(next);
    alive = next;
  }
}
