import protobuf from "protobufjs";
import { onnxSchema } from "../../model/onnxSchema.ts";
import type { Attribute, ElementType, NamedTensorType, OnnxGraph, OnnxNode } from "./graph.ts";

/** Versions that ONNX Runtime 1.17 and everything newer reads. */
const IR_VERSION = 9;
const OPSET = 20;

const Model = protobuf.Root.fromJSON(onnxSchema).lookupType("onnx.ModelProto");

const dataType: Record<ElementType, number> = { float32: 1, int32: 6, int64: 7, bool: 9 };
const attributeType = { float: 1, int: 2, string: 3, ints: 7 } as const;

/**
 * The bytes of an ONNX model.
 * @param about key-value pairs that the file carries along
 */
export function encodeModel(graph: OnnxGraph, about: Readonly<Record<string, string>> = {}): Uint8Array {
  return Model.encode({
    irVersion: IR_VERSION,
    producerName: "stillhouse",
    opsetImport: [{ domain: "", version: OPSET }],
    graph: {
      name: "stillhouse",
      node: graph.nodes.map(encodeNode),
      initializer: graph.constants.map(({ name, dtype, shape, bytes }) => ({
        name,
        dims: [...shape],
        dataType: dataType[dtype],
        rawData: bytes,
      })),
      input: graph.inputs.map(encodeType),
      output: graph.outputs.map(encodeType),
    },
    metadataProps: Object.entries(about).map(([key, value]) => ({ key, value })),
  }).finish();
}

function encodeNode({ type, inputs, outputs, attributes }: OnnxNode, place: number): object {
  return {
    opType: type,
    name: `${type}_${place}`,
    input: inputs,
    output: outputs,
    attribute: Object.entries(attributes).map(([name, value]) => ({ name, ...encodeAttribute(value) })),
  };
}

function encodeAttribute(value: Attribute): object {
  if (typeof value === "number") return { type: attributeType.int, i: value };
  if (typeof value === "string") return { type: attributeType.string, s: new TextEncoder().encode(value) };
  if ("float" in value) return { type: attributeType.float, f: value.float };
  return { type: attributeType.ints, ints: [...value] };
}

/** A size of -1 becomes the symbol that names the batch. */
function encodeType({ name, dtype, shape }: NamedTensorType): object {
  const dim = shape.map((size) => (size === -1 ? { dimParam: "batch" } : { dimValue: size }));
  return { name, type: { tensorType: { elemType: dataType[dtype], shape: { dim } } } };
}
