import type { IMapField, INamespace } from "protobufjs";

const map = (type: string, id: number): IMapField => ({ keyType: "string", type, id });

/** The part of TensorFlow's saved_model.proto and what it includes that is read here: names and numbers of its fields. */
export const savedModelSchema: INamespace = {
  nested: {
    tensorflow: {
      nested: {
        SavedModel: { fields: { metaGraphs: { rule: "repeated", type: "MetaGraphDef", id: 2 } } },
        MetaGraphDef: {
          fields: {
            metaInfoDef: { type: "MetaInfoDef", id: 1 },
            graphDef: { type: "GraphDef", id: 2 },
            signatureDef: map("SignatureDef", 5),
          },
        },
        MetaInfoDef: { fields: { tags: { rule: "repeated", type: "string", id: 4 } } },
        SignatureDef: {
          fields: {
            inputs: map("TensorInfo", 1),
            outputs: map("TensorInfo", 2),
          },
        },
        TensorInfo: {
          fields: {
            name: { type: "string", id: 1 },
            dtype: { type: "int32", id: 2 },
            tensorShape: { type: "TensorShapeProto", id: 3 },
          },
        },
        TensorShapeProto: {
          fields: {
            dim: { rule: "repeated", type: "Dim", id: 2 },
            unknownRank: { type: "bool", id: 3 },
          },
        },
        Dim: { fields: { size: { type: "int64", id: 1 } } },
        GraphDef: { fields: { node: { rule: "repeated", type: "NodeDef", id: 1 } } },
        NodeDef: {
          fields: {
            name: { type: "string", id: 1 },
            op: { type: "string", id: 2 },
            input: { rule: "repeated", type: "string", id: 3 },
            attr: map("AttrValue", 5),
          },
        },
        AttrValue: {
          fields: {
            type: { type: "int32", id: 6 },
            shape: { type: "TensorShapeProto", id: 7 },
            tensor: { type: "TensorProto", id: 8 },
          },
        },
        TensorProto: {
          fields: {
            dtype: { type: "int32", id: 1 },
            tensorShape: { type: "TensorShapeProto", id: 2 },
          },
        },
      },
    },
  },
};
