import type { TfjsFiles } from "../../shared/compute/predictors/tfjsFiles.ts";

/** Attributes of a node, in TensorFlow's JSON. */
type Attributes = Record<string, unknown>;

interface Written {
  name: string;
  op: string;
  input?: string[];
  attr?: Attributes;
}

const shape = (sizes: readonly number[]) => ({ dim: sizes.map((size) => ({ size: String(size) })) });
const FLOAT = { type: "DT_FLOAT" };

/** A TensorFlow.js graph model, written node by node as its converter writes it. */
export class GraphModel {
  readonly #nodes: Written[] = [];
  readonly #weights: { name: string; shape: number[]; dtype: "float32" | "int32" }[] = [];
  readonly #bytes: Uint8Array[] = [];

  /** @param sizes -1 where a size is open */
  placeholder(name: string, sizes: readonly number[], type = "DT_FLOAT"): string {
    return this.node(name, "Placeholder", [], { dtype: { type }, shape: { shape: shape(sizes) } });
  }

  weight(name: string, sizes: number[], values: readonly number[], dtype: "float32" | "int32" = "float32") {
    this.#weights.push({ name, shape: sizes, dtype });
    this.#bytes.push(
      new Uint8Array((dtype === "int32" ? Int32Array : Float32Array).from(values as number[]).buffer),
    );
    const type = dtype === "int32" ? "DT_INT32" : "DT_FLOAT";
    return this.node(name, "Const", [], {
      dtype: { type },
      value: { tensor: { dtype: type, tensorShape: shape(sizes) } },
    });
  }

  node(name: string, op: string, input: string[], attr: Attributes = { T: FLOAT }): string {
    this.#nodes.push({ name, op, input, attr });
    return name;
  }

  /** @param signature name of each input and output, and the tensor in the graph; absent: the graph has none */
  files(signature?: { inputs: Record<string, string>; outputs: Record<string, string> }): TfjsFiles {
    const named = (tensors: Record<string, string>) =>
      Object.fromEntries(Object.entries(tensors).map(([key, name]) => [key, { name, dtype: "DT_FLOAT" }]));
    const json = {
      format: "graph-model",
      generatedBy: "2.15.0",
      convertedBy: "a test",
      modelTopology: { node: this.#nodes, versions: { producer: 1395 } },
      ...(signature && {
        signature: { inputs: named(signature.inputs), outputs: named(signature.outputs) },
      }),
      weightsManifest: [{ paths: ["weights.bin"], weights: this.#weights }],
    };
    return {
      modelJson: new TextEncoder().encode(JSON.stringify(json)),
      weightFiles: [{ name: "weights.bin", bytes: Buffer.concat(this.#bytes) }],
    };
  }
}

/** Attributes of a convolution or a pool over [batch, height, width, channels]. */
export function windowAttributes(strides: number[], padding: "SAME" | "VALID", ksize?: number[]): Attributes {
  return {
    T: FLOAT,
    dilations: { list: { i: ["1", "1", "1", "1"] } },
    strides: { list: { i: strides.map(String) } },
    padding: { s: Buffer.from(padding).toString("base64") },
    dataFormat: { s: Buffer.from("NHWC").toString("base64") },
    data_format: { s: Buffer.from("NHWC").toString("base64") },
    ...(ksize && { ksize: { list: { i: ksize.map(String) } } }),
  };
}
