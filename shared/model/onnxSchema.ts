import type { INamespace } from "protobufjs";

const whole = { rule: "repeated", type: "int64", options: { packed: false } } as const;
const many = (type: string, id: number) => ({ rule: "repeated", type, id }) as const;

/** The part of onnx.proto (ONNX 1.15, IR version 9) that is read and written here: names and numbers of its fields. */
export const onnxSchema: INamespace = {
  nested: {
    onnx: {
      nested: {
        ModelProto: {
          fields: {
            irVersion: { type: "int64", id: 1 },
            producerName: { type: "string", id: 2 },
            graph: { type: "GraphProto", id: 7 },
            opsetImport: many("OperatorSetIdProto", 8),
            metadataProps: many("StringStringEntryProto", 14),
            functions: many("FunctionProto", 25),
          },
        },
        OperatorSetIdProto: {
          fields: { domain: { type: "string", id: 1 }, version: { type: "int64", id: 2 } },
        },
        StringStringEntryProto: {
          fields: { key: { type: "string", id: 1 }, value: { type: "string", id: 2 } },
        },
        FunctionProto: { fields: { node: many("NodeProto", 7) } },
        GraphProto: {
          fields: {
            node: many("NodeProto", 1),
            name: { type: "string", id: 2 },
            initializer: many("TensorProto", 5),
            input: many("ValueInfoProto", 11),
            output: many("ValueInfoProto", 12),
            sparseInitializer: many("SparseTensorProto", 15),
          },
        },
        NodeProto: {
          fields: {
            input: many("string", 1),
            output: many("string", 2),
            name: { type: "string", id: 3 },
            opType: { type: "string", id: 4 },
            attribute: many("AttributeProto", 5),
            domain: { type: "string", id: 7 },
          },
        },
        AttributeProto: {
          fields: {
            name: { type: "string", id: 1 },
            f: { type: "float", id: 2 },
            i: { type: "int64", id: 3 },
            s: { type: "bytes", id: 4 },
            t: { type: "TensorProto", id: 5 },
            g: { type: "GraphProto", id: 6 },
            ints: { ...whole, id: 8 },
            tensors: many("TensorProto", 10),
            graphs: many("GraphProto", 11),
            type: { type: "int32", id: 20 },
          },
        },
        TensorProto: {
          fields: {
            dims: { ...whole, id: 1 },
            dataType: { type: "int32", id: 2 },
            floatData: many("float", 4),
            int32Data: many("int32", 5),
            stringData: many("bytes", 6),
            int64Data: many("int64", 7),
            name: { type: "string", id: 8 },
            rawData: { type: "bytes", id: 9 },
            doubleData: many("double", 10),
            uint64Data: many("uint64", 11),
            externalData: many("StringStringEntryProto", 13),
            dataLocation: { type: "int32", id: 14 },
          },
        },
        SparseTensorProto: { fields: { values: { type: "TensorProto", id: 1 } } },
        ValueInfoProto: {
          fields: { name: { type: "string", id: 1 }, type: { type: "TypeProto", id: 2 } },
        },
        TypeProto: { fields: { tensorType: { type: "TypeProtoTensor", id: 1 } } },
        TypeProtoTensor: {
          fields: { elemType: { type: "int32", id: 1 }, shape: { type: "TensorShapeProto", id: 2 } },
        },
        TensorShapeProto: { fields: { dim: many("Dimension", 1) } },
        Dimension: {
          oneofs: { value: { oneof: ["dimValue", "dimParam"] } },
          fields: { dimValue: { type: "int64", id: 1 }, dimParam: { type: "string", id: 2 } },
        },
      },
    },
  },
};
