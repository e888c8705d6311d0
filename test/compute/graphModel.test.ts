import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import type { ComputeSettings } from "../../shared/compute/computeSettings.ts";
import { exportOnnx } from "../../shared/compute/exportOnnx.ts";
import { FallbackRefused } from "../../shared/compute/fallback.ts";
import { openPredictor } from "../../shared/compute/predictors/openPredictor.ts";
import type { Predictor } from "../../shared/compute/predictors/predictor.ts";
import type { TfjsFiles } from "../../shared/compute/predictors/tfjsFiles.ts";
import { describeGraph, loadTfjsGraph } from "../../shared/compute/predictors/tfjsGraph.ts";
import { ModelMapping } from "../../shared/config/modelFileSpec.ts";
import { describeSignature, readOnnx } from "../../shared/model/onnxFile.ts";
import { GraphModel, windowAttributes } from "../helpers/graphModel.ts";
import { nativeBackend } from "../helpers/nativeBackend.ts";
import { expectClose, expectNoLeakAsync } from "../helpers/tensors.ts";
import { settings } from "../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "wasm" });
});

const ways = (["wasm", "compiled", ...nativeBackend] as const).map((backend) => ({
  backend,
  compute: settings(backend),
}));
const waves = (length: number, phase = 0): number[] =>
  Array.from({ length }, (_, i) => Math.sin(i * 1.7 + phase));

/** Kernel [3, 3, 2, 4] and bias, weights [36, 3] and bias of a small classifier of images of [6, 6, 2]. */
const weights = { kernel: waves(72), bias: waves(4, 1), dense: waves(108, 2), last: waves(3, 3) };

/**
 * Convolution, bias, relu, pool, flattened as Keras writes it: the batch is taken from the tensor's shape and packed
 * with the rest. Then a dense layer and, beside it, its softmax.
 */
function classifier(batch = -1): GraphModel {
  const g = new GraphModel();
  g.placeholder("serving_x", [batch, 6, 6, 2]);
  g.weight("conv/kernel", [3, 3, 2, 4], weights.kernel);
  g.weight("conv/bias", [4], weights.bias);
  g.node("conv", "Conv2D", ["serving_x", "conv/kernel"], windowAttributes([1, 1, 1, 1], "SAME"));
  g.node("conv/biased", "BiasAdd", ["conv", "conv/bias"]);
  g.node("conv/relu", "Relu", ["conv/biased"]);
  g.node("pool", "MaxPool", ["conv/relu"], windowAttributes([1, 2, 2, 1], "VALID", [1, 2, 2, 1]));
  g.node("flat/shape", "Shape", ["pool"], { T: { type: "DT_FLOAT" }, out_type: { type: "DT_INT32" } });
  for (const [name, at] of [
    ["from", 0],
    ["to", 1],
    ["by", 1],
  ] as const) {
    g.weight(`flat/${name}`, [1], [at], "int32");
  }
  g.node("flat/rows", "StridedSlice", ["flat/shape", "flat/from", "flat/to", "flat/by"], {
    T: { type: "DT_INT32" },
    shrink_axis_mask: { i: "1" },
  });
  g.weight("flat/size", [], [36], "int32");
  g.node("flat/sizes", "Pack", ["flat/rows", "flat/size"], { T: { type: "DT_INT32" }, axis: { i: "0" } });
  g.node("flat", "Reshape", ["pool", "flat/sizes"]);
  g.weight("dense/kernel", [36, 3], weights.dense);
  g.weight("dense/bias", [3], weights.last);
  g.node("dense", "MatMul", ["flat", "dense/kernel"]);
  g.node("logits", "BiasAdd", ["dense", "dense/bias"]);
  g.node("probabilities", "Softmax", ["logits"]);
  return g;
}
const signature = {
  inputs: { image: "serving_x:0" },
  outputs: { scores: "logits:0", shares: "probabilities:0" },
};

/** The same by TensorFlow.js's operations: logits, and what the pool gives. */
function expected(inputs: Float32Array, rows: number): { logits: Float32Array; pooled: Float32Array } {
  return tf.tidy(() => {
    const x = tf.tensor4d(inputs, [rows, 6, 6, 2]);
    const pooled = tf
      .conv2d(x, tf.tensor4d(weights.kernel, [3, 3, 2, 4]), 1, "same")
      .add(tf.tensor1d(weights.bias))
      .relu<tf.Tensor4D>()
      .maxPool(2, 2, "valid");
    const flat = pooled.reshape([rows, 36]);
    const logits = flat.matMul(tf.tensor2d(weights.dense, [36, 3])).add(tf.tensor1d(weights.last));
    return { logits: logits.dataSync<"float32">(), pooled: pooled.dataSync<"float32">() };
  });
}

const open = async (
  files: TfjsFiles,
  mapping: object,
  compute: ComputeSettings,
  data: number[],
): Promise<Predictor> =>
  openPredictor(
    await loadTfjsGraph(files, ModelMapping.parse({ output: "logits", ...mapping }), data),
    compute,
  );

const inputs = Float32Array.from(waves(23 * 72, 5));

describe.each(ways)("a graph model, $backend", ({ backend, compute }) => {
  beforeAll(async () => {
    expect((await chooseBackend({ prefer: backend })).name).toBe(backend);
  });

  it("predicts as its operations do, by an output of several, and leaks nothing", async () => {
    const files = classifier().files(signature);
    await expectNoLeakAsync(async () => {
      const predictor = await open(files, { outputName: "scores" }, compute, [6, 6, 2]);
      expect(predictor.classes).toBe(3);
      const logits = await expectNoLeakAsync(() => predictor.predict(inputs, 23));
      expectClose(logits, expected(inputs, 23).logits, 1e-5, 1);
      await predictor.close();
    });
  });

  it("of probabilities gives their log, found by the node's name too", async () => {
    const mapping = { outputName: "probabilities", output: "probabilities", labels: [2, 0] };
    const predictor = await open(classifier().files(signature), mapping, compute, [6, 6, 2]);
    const { logits } = expected(inputs, 23);
    const seen = await predictor.predict(inputs, 23);
    const wanted = Array.from({ length: 23 }, (_, row) => {
      const scores = [...logits.subarray(row * 3, row * 3 + 3)];
      const sum = scores.reduce((total, score) => total + Math.exp(score), 0);
      return [2, 0].map((k) => Math.max((scores[k] as number) - Math.log(sum), Math.log(1e-7)));
    });
    expectClose(seen, wanted, 1e-4, 1);
    await predictor.close();
  });

  it.each([1, 10])("that takes %i samples at once answers any number of them", async (batch) => {
    const mapping = { outputName: "scores", features: { pooled: "pool" } };
    const predictor = await open(classifier(batch).files(signature), mapping, compute, [6, 6, 2]);
    const { logits, pooled } = expected(inputs, 23);
    expectClose(await predictor.predict(inputs, 23), logits, 1e-5, 1);
    const seen = await predictor.predictWithFeatures?.(inputs, 23);
    expectClose(seen?.logits ?? [], logits, 1e-5, 1);
    expect(seen?.features.pooled?.shape).toEqual([3, 3, 4]);
    expectClose(seen?.features.pooled?.values ?? [], pooled, 1e-5, 1);
    await predictor.close();
  });

  it("without a signature goes by its nodes, and takes samples with channels first", async () => {
    const g = new GraphModel();
    g.placeholder("x", [-1, 2, 1, 2]);
    g.weight("sizes", [2], [-1, 4], "int32");
    g.node("y", "Reshape", ["x", "sizes"]);
    const predictor = await open(g.files(), { layout: "nchw", scale: 10 }, compute, [1, 2, 2]);
    expect([...(await predictor.predict(Float32Array.of(1, 2, 3, 4), 1))]).toEqual([10, 30, 20, 40]);
    await predictor.close();
  });

  it("that takes whole numbers is given them", async () => {
    const g = new GraphModel();
    g.placeholder("tokens", [-1, 2], "DT_INT32");
    g.weight("table", [3, 2], [1, 2, 3, 4, 5, 6]);
    g.weight("axis", [], [0], "int32");
    g.node("rows", "GatherV2", ["table", "tokens", "axis"], { T: { type: "DT_FLOAT" } });
    g.weight("axes", [1], [1], "int32");
    g.node("sum", "Sum", ["rows", "axes"], { T: { type: "DT_FLOAT" } });
    const predictor = await open(g.files(), {}, compute, [2]);
    expect([...(await predictor.predict(Float32Array.of(0, 2, 1, 1), 2))]).toEqual([6, 8, 6, 8]);
    await predictor.close();
  });

  it("is refused with its real signature where samples do not fit or a choice is open", async () => {
    const files = classifier().files(signature);
    await expect(open(files, { outputName: "scores" }, compute, [28, 28, 1])).rejects.toThrow(
      'Cannot give samples of shape [28, 28, 1] to the model: it has inputs "image" float [any, 6, 6, 2]; outputs "scores"',
    );
    await expect(open(files, {}, compute, [6, 6, 2])).rejects.toThrow(
      "Cannot choose the graph model's output as it has 2: name one of [scores, shares] in the spec",
    );
    await expect(open(files, { outputName: "score" }, compute, [6, 6, 2])).rejects.toThrow(
      'output "score" as there is none such: it has inputs "image" float',
    );
    await expect(open(files, { outputName: "pool" }, compute, [6, 6, 2])).rejects.toThrow(
      'output "pool" as there is none such',
    );
  });

  it("whose feature does not exist is refused, with names much like it", async () => {
    const mapping = { outputName: "scores", features: { last: "conv/rely" } };
    await expect(open(classifier().files(signature), mapping, compute, [6, 6, 2])).rejects.toThrow(
      'Cannot give the feature "last" as the model has no "conv/rely": did you mean "conv/relu',
    );
  });

  it("whose output is not [batch, classes] is refused", async () => {
    const g = new GraphModel();
    g.placeholder("x", [-1, 2, 3]);
    g.node("y", "Relu", ["x"]);
    await expect(open(g.files(), {}, compute, [2, 3])).rejects.toThrow(
      'output "y" as it is float32 [2, 2, 3] for 2 samples: expected floats of [2, classes]',
    );
  });

  it("that makes far more numbers than it holds is refused before it makes them", async () => {
    const g = new GraphModel();
    g.placeholder("x", [-1, 2]);
    g.weight("sizes", [2], [100_000, 100_000], "int32");
    g.weight("one", [], [1]);
    g.node("huge", "Fill", ["sizes", "one"], { T: { type: "DT_FLOAT" } });
    g.weight("axes", [2], [0, 1], "int32");
    g.node("sum", "Sum", ["huge", "axes"], { T: { type: "DT_FLOAT" } });
    g.node("y", "AddV2", ["x", "sum"]);
    await expect(open(g.files(), {}, compute, [2])).rejects.toThrow(
      "Cannot use the graph model as it makes 1.0e+10 numbers",
    );
  });

  it("with control flow is refused, and the node is named", async () => {
    const g = new GraphModel();
    g.placeholder("x", [-1, 2]);
    g.weight("yes", [], [1], "int32");
    g.node("switch", "Switch", ["x", "yes"]);
    g.node("y", "Merge", ["switch:0", "switch:1"]);
    await expect(open(g.files(), {}, compute, [2])).rejects.toThrow(
      /operators whose order or shapes depend on values .* the node '(y|switch)'/,
    );
  });
});

describe("a graph model that cannot be compiled", () => {
  beforeAll(async () => {
    await chooseBackend({ prefer: "compiled" });
  });

  /** With depth 0 every number is divided by 1 and its own square: no rule of the compiler says that. */
  function normalised(): TfjsFiles {
    const g = new GraphModel();
    g.placeholder("x", [-1, 1, 1, 2]);
    const one = { f: 1 };
    const attributes = { depth_radius: { i: "0" }, bias: one, alpha: one, beta: one };
    g.node("y", "LRN", ["x"], { T: { type: "DT_FLOAT" }, ...attributes });
    g.weight("sizes", [2], [-1, 2], "int32");
    g.node("z", "Reshape", ["y", "sizes"]);
    return g.files();
  }
  /** The running product is compiled with a constant for each row. */
  function ofRows(): TfjsFiles {
    const g = new GraphModel();
    g.placeholder("x", [-1, 2]);
    g.weight("axis", [], [1], "int32");
    g.node("y", "Cumprod", ["x", "axis"], { T: { type: "DT_FLOAT" } });
    return g.files();
  }

  it.each([
    ["for an operator", normalised, [0.3, 0.4], [1, 1, 2], [3, 2]],
    ["for the batch in a constant", ofRows, [3, 15], [2], [3, 5]],
  ])("%s is refused, or computed without where the spec allows it", async (_, files, wanted, data, given) => {
    await expect(open(files(), {}, settings("compiled"), data)).rejects.toThrow(FallbackRefused);
    const predictor = await open(files(), {}, settings("compiled", { fallback: true }), data);
    expectClose(await predictor.predict(Float32Array.from(given), 1), wanted, 1e-6, 1);
    await predictor.close();
  });
});

describe("exportOnnx()", () => {
  it.each([-1, 10])("says a graph model for batches of %i in ONNX", async (batch) => {
    const mapping = ModelMapping.parse({ output: "logits", outputName: "scores" });
    const loaded = await loadTfjsGraph(classifier(batch).files(signature), mapping, [6, 6, 2]);
    const { bytes, largestDifference } = await exportOnnx(loaded, {});
    loaded.dispose();
    expect(largestDifference).toBeLessThan(1e-4);
    expect(describeSignature(readOnnx(bytes))).toContain(
      `"inputs" float [${batch === -1 ? "any" : batch}, 6, 6, 2]`,
    );
  });
});

describe("describeGraph()", () => {
  it("tells inputs, outputs, parameters and operators", async () => {
    const described = await expectNoLeakAsync(() => describeGraph(classifier().files(signature)));
    expect(describeSignature(described)).toMatch(
      /^inputs "image" float \[any, 6, 6, 2\]; outputs "scores" float .*, "shares" float/,
    );
    // 72 and 4 of the convolution, 108 and 3 of the dense layer; sizes are no parameters.
    expect(described.parameters).toBe(187);
    expect(described.operators.get("BiasAdd")).toBe(2);
    expect(described.inner.at(-1)).toMatchObject({ name: "probabilities", shape: [1, 3] });
    expect(described.inner.find(({ name }) => name === "pool")?.shape).toEqual([1, 3, 3, 4]);
  });

  it.each([
    ["text", "<html>", /Cannot read model.json/],
    [
      "a layers model",
      '{"format":"layers-model","modelTopology":{},"weightsManifest":[]}',
      /"layers-model", expected "graph-model"/,
    ],
    [
      "no graph",
      '{"format":"graph-model","modelTopology":{},"weightsManifest":[]}',
      /modelTopology is not a graph/,
    ],
  ])("refuses %s", async (_, text, message) => {
    const files = { modelJson: new TextEncoder().encode(text), weightFiles: [] };
    await expect(describeGraph(files)).rejects.toThrow(message);
  });
});
