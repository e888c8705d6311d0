import { describe, expect, it } from "vitest";
import { encodeModel } from "../../shared/compute/compiled/encode.ts";
import { Graph, type Value } from "../../shared/compute/compiled/graph.ts";
import { openOnnxModel } from "../../shared/compute/predictors/onnxModel.ts";
import type { Predictor } from "../../shared/compute/predictors/predictor.ts";
import { ModelMapping } from "../../shared/config/modelFileSpec.ts";
import { readOnnx } from "../../shared/model/onnxFile.ts";

const floats = (shape: number[]) => ({ shape, dtype: "float32" as const });

/** An ONNX file as others make them: every number of a sample, flat, and beside it what `also` adds. */
function model(
  input: { name: string; shape: number[] },
  outputName: string,
  also?: (g: Graph, x: Value) => void,
): Uint8Array {
  const g = new Graph();
  const x = g.input(input.name, floats(input.shape));
  const [batch = 1, ...sample] = input.shape;
  const size = sample.reduce((a, b) => a * b, 1);
  g.output(outputName, g.op("Reshape", [x, g.list([batch, size])], floats([batch, size])));
  also?.(g, x);
  return encodeModel(g.finish());
}

const open = (bytes: Uint8Array, mapping: object, data: number[]): Promise<Predictor> =>
  openOnnxModel(bytes, ModelMapping.parse({ output: "logits", ...mapping }), data, {
    threads: 1,
    spinning: false,
  });

async function predicted(
  bytes: Uint8Array,
  mapping: object,
  data: number[],
  inputs: number[],
): Promise<number[]> {
  const predictor = await open(bytes, mapping, data);
  try {
    const rows = inputs.length / data.reduce((a, b) => a * b, 1);
    return [...(await predictor.predict(Float32Array.from(inputs), rows))];
  } finally {
    await predictor.close();
  }
}

describe("an ONNX teacher", () => {
  it("takes images with channels last, or first, as the shape of its input says", async () => {
    const pixels = [1, 2, 3, 4, 5, 6]; // two pixels of three channels
    const last = model({ name: "x", shape: [-1, 1, 2, 3] }, "y");
    expect(await predicted(last, {}, [1, 2, 3], pixels)).toEqual(pixels);
    const first = model({ name: "x", shape: [-1, 3, 1, 2] }, "y");
    expect(await predicted(first, {}, [1, 2, 3], pixels)).toEqual([1, 4, 2, 5, 3, 6]);
    const mapping = { mean: [1, 2, 3], deviation: [1, 2, 4] };
    expect(await predicted(first, mapping, [1, 2, 3], pixels)).toEqual([0, 3, 0, 1.5, 0, 0.75]);
  });

  it.each([1, 10])("that takes %i samples at once answers any number of them", async (batch) => {
    const fixed = model({ name: "x", shape: [batch, 2] }, "y");
    const inputs = Array.from({ length: 2 * 23 }, (_, i) => i);
    expect(await predicted(fixed, {}, [2], inputs)).toEqual(inputs);
  });

  it("with odd names and two outputs is used by name, and asked for one otherwise", async () => {
    const both = model({ name: "input:0/ä b", shape: [-1, 2] }, "logits {1}", (g, x) => {
      g.output("features/pool:0", g.op("Relu", [x], floats([-1, 2])));
    });
    const named = { input: "input:0/ä b", outputName: "logits {1}" };
    expect(await predicted(both, named, [2], [-1, 2])).toEqual([-1, 2]);
    expect(await predicted(both, { outputName: "features/pool:0" }, [2], [-1, 2])).toEqual([0, 2]);
    await expect(open(both, {}, [2])).rejects.toThrow(
      "Cannot choose the ONNX model's output as it has 2: name one of [logits {1}, features/pool:0] in the spec",
    );
    await expect(open(both, { outputName: "y" }, [2])).rejects.toThrow(
      'output "y" as there is none such: it has inputs',
    );
  });

  it("of probabilities gives their log with a floor, for the classes that `labels` names", async () => {
    const plain = model({ name: "x", shape: [-1, 3] }, "y");
    const mapping = { output: "probabilities", probabilityFloor: 1e-4, labels: [2, 0] };
    const [third, first] = await predicted(plain, mapping, [3], [0, 0.75, 0.25]);
    expect(third).toBeCloseTo(Math.log(0.25), 6);
    expect(first).toBeCloseTo(Math.log(1e-4), 6);
    await expect(open(plain, { labels: [3, 0] }, [3])).rejects.toThrow(
      "which the spec's labels name: it has 3",
    );
  });

  it("that takes other samples is refused, and the message shows what it takes and gives", async () => {
    const image = model({ name: "x", shape: [-1, 1, 28, 28] }, "y");
    await expect(open(image, {}, [32, 32, 1])).rejects.toThrow(
      'Cannot give samples of shape [32, 32, 1] to the model: it has inputs "x" float [any, 1, 28, 28]; outputs "y" float [any, 784]',
    );
  });

  it.each([-1, 10])("gives inner tensors by name, for batches of %i, and the same logits", async (batch) => {
    const shape = [batch, 1, 2, 2];
    const deep = model({ name: "x", shape }, "y", (g, x) => {
      const doubled = g.op("Mul", [x, g.scalar(2)], floats(shape));
      g.output("z", g.op("Relu", [doubled], floats(shape)));
    });
    // The product has a name of the writer's: the last but one of the graph's tensors.
    const product = readOnnx(deep).inner.at(-2)?.name as string;
    const features = { "first-half": product, open: "z" };
    const predictor = await open(deep, { outputName: "y", features }, [2, 2, 1]);
    const inputs = Float32Array.from({ length: 4 * 13 }, (_, i) => i - 20);
    const plain = await predictor.predict(inputs, 13);
    const seen = await predictor.predictWithFeatures?.(inputs, 13);
    expect(seen?.logits).toEqual(plain);
    expect(Object.keys(seen?.features ?? {})).toEqual(["first-half", "open"]);
    expect(seen?.features["first-half"]?.shape).toEqual([1, 2, 2]);
    expect(seen?.features["first-half"]?.values).toEqual(inputs.map((x) => 2 * x));
    expect(seen?.features.open?.values).toEqual(inputs.map((x) => Math.max(0, 2 * x)));
    await predictor.close();
  });

  it("without the feature that the spec names is refused, with names much like it", async () => {
    const plain = model({ name: "x", shape: [-1, 2] }, "block/pool_output");
    await expect(open(plain, { features: { pooled: "block/pol_output" } }, [2])).rejects.toThrow(
      'the feature "pooled" as the model has no "block/pol_output": did you mean "block/pool_output"?',
    );
    await expect(open(plain, { features: { pooled: "hidden" } }, [2])).rejects.toThrow(
      "its last tensors are [block/pool_output]",
    );
    const shared = model({ name: "x", shape: [-1, 2] }, "y", (g) => {
      g.output("table", g.op("Relu", [g.constant([1, 2, 3], floats([3]))], floats([3])));
    });
    await expect(open(shared, { outputName: "y", features: { table: "table" } }, [2])).rejects.toThrow(
      'the feature "table" as its tensor is [3] for 1 samples',
    );
  });

  it("with an operator that nobody knows is refused by its name", async () => {
    const strange = model({ name: "x", shape: [-1, 2] }, "other", (g, x) => {
      g.output("y", g.op("Frobnicate", [x], floats([-1, 2])));
    });
    await expect(open(strange, { outputName: "y" }, [2])).rejects.toThrow(
      /ONNX Runtime refuses it: .*Frobnicate/,
    );
  });
});
