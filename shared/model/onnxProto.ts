import protobuf from "protobufjs";
import { z } from "zod";
import { messageOf, StillhouseError } from "../errors.ts";
import { Bytes } from "../protocol/identifiers.ts";
import { onnxSchema } from "./onnxSchema.ts";

/** A file that is no ONNX model, or one that is not safe to run. */
export class BadOnnxModel extends StillhouseError {}

const TensorProto = z.object({
  name: z.string().default(""),
  dims: z.array(z.number()).default([]),
  dataType: z.int().default(0),
  rawData: Bytes.optional(),
  floatData: z.array(z.unknown()).default([]),
  int32Data: z.array(z.unknown()).default([]),
  int64Data: z.array(z.unknown()).default([]),
  doubleData: z.array(z.unknown()).default([]),
  uint64Data: z.array(z.unknown()).default([]),
  stringData: z.array(z.unknown()).default([]),
  externalData: z.array(z.object({ key: z.string().default(""), value: z.string().default("") })).default([]),
  dataLocation: z.int().default(0),
});
export type TensorProto = z.infer<typeof TensorProto>;

const ValueInfo = z.object({
  name: z.string().default(""),
  type: z
    .object({
      tensorType: z
        .object({
          elemType: z.int().default(0),
          shape: z
            .object({
              dim: z.array(z.object({ dimValue: z.number().optional() })).default([]),
            })
            .optional(),
        })
        .optional(),
    })
    .optional(),
});
export type ValueInfo = z.infer<typeof ValueInfo>;

export interface NodeProto {
  input: string[];
  output: string[];
  opType: string;
  domain: string;
  attribute: {
    name: string;
    i?: number | undefined;
    f?: number | undefined;
    ints: number[];
    t?: TensorProto | undefined;
    g?: GraphProto | undefined;
    tensors: TensorProto[];
    graphs: GraphProto[];
  }[];
}
export interface GraphProto {
  node: NodeProto[];
  initializer: TensorProto[];
  sparseInitializer: { values?: TensorProto | undefined }[];
  input: ValueInfo[];
  output: ValueInfo[];
}
const GraphProto: z.ZodType<GraphProto> = z.lazy(() =>
  z.object({
    node: z.array(NodeProto).default([]),
    initializer: z.array(TensorProto).default([]),
    sparseInitializer: z.array(z.object({ values: TensorProto.optional() })).default([]),
    input: z.array(ValueInfo).default([]),
    output: z.array(ValueInfo).default([]),
  }),
);
const NodeProto: z.ZodType<NodeProto> = z.object({
  input: z.array(z.string()).default([]),
  output: z.array(z.string()).default([]),
  opType: z.string().default(""),
  domain: z.string().default(""),
  attribute: z
    .array(
      z.object({
        name: z.string().default(""),
        i: z.number().optional(),
        f: z.number().optional(),
        ints: z.array(z.number()).default([]),
        t: TensorProto.optional(),
        g: GraphProto.optional(),
        tensors: z.array(TensorProto).default([]),
        graphs: z.array(GraphProto).default([]),
      }),
    )
    .default([]),
});
const ModelProto = z.object({
  irVersion: z.number().default(0),
  graph: GraphProto,
  opsetImport: z
    .array(z.object({ domain: z.string().default(""), version: z.number().default(1) }))
    .default([]),
  functions: z.array(z.object({ node: z.array(NodeProto).default([]) })).default([]),
});
export type ModelProto = z.infer<typeof ModelProto>;

const Model = protobuf.Root.fromJSON(onnxSchema).lookupType("onnx.ModelProto");

/**
 * The bytes of an ONNX model as far as they are read here. protobufjs leaves out what a message does not have.
 * @throws BadOnnxModel
 */
export function parseOnnx(bytes: Uint8Array): ModelProto {
  try {
    return ModelProto.parse(Model.toObject(Model.decode(bytes), { longs: Number }));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause).split("\n")[0] : messageOf(cause);
    throw new BadOnnxModel(
      `Cannot read ${bytes.length} bytes as an ONNX model: ${why}; the file may be cut off or of another format`,
      { fields: { bytes: bytes.length }, cause },
    );
  }
}

/**
 * A model that gives more of its tensors as outputs. What is added stands behind the model's own bytes: protobuf joins
 * the parts of a message, and all that is not read here stays.
 */
export function withOutputs(bytes: Uint8Array, names: readonly string[]): Uint8Array {
  const more = Model.encode({ graph: { output: names.map((name) => ({ name })) } }).finish();
  return Buffer.concat([bytes, more]);
}

/** Whether a domain is that of ONNX's own operators. */
export function isStandard(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}
