import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { encodeModel } from "../../shared/compute/compiled/encode.ts";
import { Graph, type Value } from "../../shared/compute/compiled/graph.ts";
import { flopsText } from "../../shared/compute/flops/flops.ts";
import { onnxFlops } from "../../shared/compute/flops/onnxFlops.ts";
import { modelFlops } from "../../shared/compute/flops/recordedFlops.ts";
import { restoreModel } from "../../shared/compute/predictors/nativeModel.ts";
import type { LoadedModel } from "../../shared/compute/predictors/openPredictor.ts";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { packModel } from "../../shared/model/artifact.ts";
import { buildModel } from "../../shared/model/build.ts";
import { readModelFile } from "../../shared/model/modelFile.ts";
import { readWeights } from "../../shared/model/weights.ts";
import { expectNoLeakAsync } from "../helpers/tensors.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const floats = (shape: number[]) => ({ shape, dtype: "float32" as const });
const weight = (g: Graph, ...shape: number[]): Value =>
  g.constant(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.1), floats(shape));

/** A model of one operator on images of [3, 8, 8]. */
function onImages(batch: number, add: (g: Graph, x: Value) => Value): Uint8Array {
  const g = new Graph();
  g.output("y", add(g, g.input("x", floats([batch, 3, 8, 8]))));
  const graph = g.finish();
  const outputs = graph.outputs.map((output) => ({ ...output, shape: [batch, ...output.shape.slice(1)] }));
  return encodeModel({ ...graph, outputs });
}

describe("FLOPs of an ONNX model", () => {
  // 5 channels of [4, 4], each number over 3 channels of [3, 3]: 80 x 27 multiply-adds.
  const strided = (g: Graph, x: Value): Value =>
    g.op("Conv", [x, weight(g, 5, 3, 3, 3)], floats([-1, 5, 4, 4]), {
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    });
  const cases: [string, number, (g: Graph, x: Value) => Value][] = [
    ["a strided convolution", 2 * 80 * 27, strided],
    [
      "a grouped convolution, a channel a group",
      2 * 3 * 64 * 9,
      (g, x) =>
        g.op("Conv", [x, weight(g, 3, 1, 3, 3)], floats([-1, 3, 8, 8]), { group: 3, pads: [1, 1, 1, 1] }),
    ],
    [
      "a transposed convolution: every number of the input to [2, 2] places of 4 channels",
      2 * 192 * 4 * 4,
      (g, x) =>
        g.op("ConvTranspose", [x, weight(g, 3, 4, 2, 2)], floats([-1, 4, 16, 16]), { strides: [2, 2] }),
    ],
    [
      "products of rows with a matrix, whatever stands before them",
      2 * 3 * 8 * 8 * 6,
      (g, x) => g.op("MatMul", [x, weight(g, 8, 6)], floats([-1, 3, 8, 6])),
    ],
    [
      "a dense layer on what a convolution gives",
      2 * (80 * 27 + 80 * 7),
      (g, x) => {
        const flat = g.op("Reshape", [strided(g, x), g.list([-1, 80])], floats([-1, 80]));
        return g.op("Gemm", [flat, weight(g, 7, 80)], floats([-1, 7]), { transB: 1 });
      },
    ],
    ["no product at all", 0, (g, x) => g.op("Relu", [x], floats([-1, 3, 8, 8]))],
  ];

  it.each(cases)("of %s are %i", async (_, flops, add) => {
    expect(await onnxFlops(onImages(-1, add))).toEqual({ known: true, flops });
    // Of one sample, where the model takes four. Shapes of the inside are not written into the file.
    expect(await onnxFlops(onImages(4, add))).toEqual({ known: true, flops });
  });

  it("are unknown where a size is open, and known by a sample", async () => {
    const g = new Graph();
    const x = g.input("x", floats([-1, 3, -1, -1]));
    g.output("y", g.op("Conv", [x, weight(g, 5, 3, 1, 1)], floats([-1, 5, -1, -1])));
    const open = encodeModel(g.finish());
    expect(await onnxFlops(open)).toMatchObject({ known: false, why: expect.stringContaining('"x" float') });
    expect(await onnxFlops(open, [3, 4, 6])).toEqual({ known: true, flops: 2 * 24 * 5 * 3 });
  });

  it("are unknown, not too few, where an operator is not counted: it is named", async () => {
    const einsum = onImages(-1, (g, x) =>
      g.op("Einsum", [x, weight(g, 8, 6)], floats([-1, 3, 8, 6]), { equation: "bchw,wk->bchk" }),
    );
    const counted = await onnxFlops(einsum);
    expect(counted).toEqual({ known: false, why: "its operator Einsum is not counted" });
    expect(flopsText(counted)).toBe("unknown: its operator Einsum is not counted");
  });

  const folder = fileURLToPath(new URL("../../../shared/models/", import.meta.url));
  it.skipIf(!existsSync(folder))("of a public MNIST classifier are those of its layers", async () => {
    const file = "mnist-cntk-onnx/mnist.onnx";
    const { bytes } = await readModelFile("onnx", `${folder}${file}`, file);
    // Two padded 5x5 convolutions, 1 -> 8 on [28, 28] and 8 -> 16 on [14, 14], then 256 x 10.
    const flops = 2 * (28 * 28 * 8 * 25 + 14 * 14 * 16 * 8 * 25 + 256 * 10);
    expect(await onnxFlops(bytes)).toEqual({ known: true, flops });
  });
});

describe("FLOPs of a TensorFlow.js model", () => {
  const loaded = (inputShape: number[], forward: (x: tf.Tensor) => tf.Tensor): LoadedModel => ({
    inputShape,
    classes: 2,
    forward,
    dispose: () => undefined,
  });

  it.each<[string, number, (x: tf.Tensor) => tf.Tensor]>([
    ["a convolution", 2 * 64 * 5 * 27, (x) => tf.conv2d(x as tf.Tensor4D, tf.ones([3, 3, 3, 5]), 1, "same")],
    [
      "a depthwise convolution, two filters a channel",
      2 * 64 * 6 * 9,
      (x) => tf.depthwiseConv2d(x as tf.Tensor4D, tf.ones([3, 3, 3, 2]), 1, "same"),
    ],
    [
      "a transposed convolution",
      2 * 192 * 4 * 4,
      (x) => tf.conv2dTranspose(x as tf.Tensor4D, tf.ones([2, 2, 4, 3]), [1, 16, 16, 4], 2, "valid"),
    ],
    ["a product", 2 * 192 * 7, (x) => x.reshape([-1, 192]).matMul(tf.ones([192, 7]))],
    [
      "a product with the left side turned",
      2 * 24 * 24 * 8,
      (x) => tf.matMul(x.reshape([1, 8, 24]), x.reshape([1, 8, 24]), true),
    ],
    ["an einsum", 2 * 64 * 3 * 5, (x) => tf.einsum("bhwc,ck->bhwk", x, tf.ones([3, 5]))],
  ])("of %s are %i", async (_, flops, forward) => {
    expect(await modelFlops(loaded([8, 8, 3], (x) => tf.tidy(() => forward(x))))).toEqual({
      known: true,
      flops,
    });
  });

  it("of our own cnn are those of its layers, and nothing is leaked", async () => {
    const arch = ArchSpec.parse({ arch: "cnn", channels: [4, 6], dense: 5 });
    const model = buildModel(arch, [8, 8, 1], 3, [1]);
    const weights = readWeights(model);
    const bytes = packModel({ arch, inputShape: [8, 8, 1], inputScale: 1, classes: 3, weights });
    model.dispose();
    await expectNoLeakAsync(async () => {
      const restored = restoreModel(bytes);
      // 3x3 convolutions on [8, 8] and, pooled, [4, 4]; then [2, 2, 6] to 5 to 3.
      const flops = 2 * (64 * 4 * 9 + 16 * 6 * 36 + 24 * 5 + 5 * 3);
      expect(await modelFlops(restored)).toEqual({ known: true, flops });
      restored.dispose();
    });
  });

  it("are unknown where a kernel has no rule: it is named", async () => {
    const odd = loaded([8, 8, 3], (x) => tf.image.resizeBilinear(x as tf.Tensor4D, [4, 4]));
    expect(await modelFlops(odd)).toMatchObject({
      known: false,
      why: expect.stringContaining("the kernel ResizeBilinear"),
    });
  });
});
