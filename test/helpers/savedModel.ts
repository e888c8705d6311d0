import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import protobuf from "protobufjs";

/** What a SavedModel without variables needs of TensorFlow's messages: its weights are constants of the graph. */
const messages = protobuf.parse(`
  syntax = "proto3";
  package tensorflow;
  message SavedModel { int64 saved_model_schema_version = 1; repeated MetaGraphDef meta_graphs = 2; }
  message MetaGraphDef {
    message MetaInfoDef { repeated string tags = 4; string tensorflow_version = 5; }
    MetaInfoDef meta_info_def = 1;
    GraphDef graph_def = 2;
    map<string, SignatureDef> signature_def = 5;
  }
  message SignatureDef {
    map<string, TensorInfo> inputs = 1;
    map<string, TensorInfo> outputs = 2;
    string method_name = 3;
  }
  message TensorInfo { string name = 1; int32 dtype = 2; TensorShapeProto tensor_shape = 3; }
  message TensorShapeProto { message Dim { int64 size = 1; } repeated Dim dim = 2; }
  message GraphDef { repeated NodeDef node = 1; VersionDef versions = 4; }
  message VersionDef { int32 producer = 1; int32 min_consumer = 2; }
  message NodeDef { string name = 1; string op = 2; repeated string input = 3; map<string, AttrValue> attr = 5; }
  message AttrValue {
    oneof value { bytes s = 2; int64 i = 3; float f = 4; bool b = 5; int32 type = 6; TensorShapeProto shape = 7; TensorProto tensor = 8; }
  }
  message TensorProto { int32 dtype = 1; TensorShapeProto tensor_shape = 2; bytes tensor_content = 4; }
`).root;

const FLOAT = 1;
const floats = { type: FLOAT };
const shape = (sizes: readonly number[]) => ({ dim: sizes.map((size) => ({ size })) });

interface Ends {
  [name: string]: { tensor: string; sizes: readonly number[] };
}

/** A SavedModel written node by node. */
export class SavedModel {
  readonly #nodes: object[] = [];

  placeholder(name: string, sizes: readonly number[]): string {
    return this.node(name, "Placeholder", [], { dtype: floats, shape: { shape: shape(sizes) } });
  }

  constant(name: string, sizes: readonly number[], values: readonly number[]): string {
    const tensorContent = new Uint8Array(Float32Array.from(values).buffer);
    return this.node(name, "Const", [], {
      dtype: floats,
      value: { tensor: { dtype: FLOAT, tensorShape: shape(sizes), tensorContent } },
    });
  }

  node(name: string, op: string, input: string[], attr: object = { T: floats }): string {
    this.#nodes.push({ name, op, input, attr });
    return name;
  }

  /** The bytes of saved_model.pb. */
  bytes(inputs: Ends, outputs: Ends, signature = "serving_default", tags = ["serve"]): Uint8Array {
    const infos = (ends: Ends) =>
      Object.fromEntries(
        Object.entries(ends).map(([name, { tensor, sizes }]) => [
          name,
          { name: tensor, dtype: FLOAT, tensorShape: shape(sizes) },
        ]),
      );
    const signatureDef = {
      [signature]: {
        inputs: infos(inputs),
        outputs: infos(outputs),
        methodName: "tensorflow/serving/predict",
      },
    };
    const type = messages.lookupType("tensorflow.SavedModel");
    return type
      .encode(
        type.fromObject({
          savedModelSchemaVersion: 1,
          metaGraphs: [
            {
              metaInfoDef: { tags },
              graphDef: { node: this.#nodes, versions: { producer: 1395 } },
              signatureDef,
            },
          ],
        }),
      )
      .finish();
  }
}

/** A folder as TensorFlow writes it. */
export async function writeSavedModel(folder: string, graph: Uint8Array): Promise<void> {
  await mkdir(join(folder, "variables"), { recursive: true });
  await mkdir(join(folder, "assets"), { recursive: true });
  await writeFile(join(folder, "saved_model.pb"), graph);
}

/** relu(x w + b) of three numbers and, as a second output, the softmax of it. @param batch -1: any */
export function smallSavedModel(batch = -1): Uint8Array {
  const g = new SavedModel();
  g.placeholder("x", [batch, 3]);
  g.constant("w", [3, 2], [1, -2, 3, 4, -5, 6]);
  g.constant("b", [2], [0.5, -0.5]);
  g.node("product", "MatMul", ["x", "w"]);
  g.node("biased", "BiasAdd", ["product", "b"]);
  g.node("y", "Relu", ["biased"]);
  g.node("p", "Softmax", ["y"]);
  return g.bytes(
    { image: { tensor: "x:0", sizes: [batch, 3] } },
    { scores: { tensor: "y:0", sizes: [batch, 2] }, shares: { tensor: "p:0", sizes: [batch, 2] } },
  );
}
