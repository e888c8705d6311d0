import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import type { ComputeSettings } from "../../shared/compute/computeSettings.ts";
import { loadNativeModel } from "../../shared/compute/predictors/nativeModel.ts";
import { type LoadedModel, openPredictor } from "../../shared/compute/predictors/openPredictor.ts";
import { InputShapeMismatch, type Predictor } from "../../shared/compute/predictors/predictor.ts";
import { loadTeacherModel } from "../../shared/compute/predictors/teacherModel.ts";
import { BadTfjsModel, type TfjsFiles, weightFileNames } from "../../shared/compute/predictors/tfjsFiles.ts";
import { loadTfjsLayers } from "../../shared/compute/predictors/tfjsLayers.ts";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { ModelMapping } from "../../shared/config/modelFileSpec.ts";
import { packModel } from "../../shared/model/artifact.ts";
import { buildModel } from "../../shared/model/build.ts";
import { readWeights } from "../../shared/model/weights.ts";
import { nativeBackend } from "../helpers/nativeBackend.ts";
import { expectClose, expectNoLeakAsync } from "../helpers/tensors.ts";
import { settings } from "../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "wasm" });
});

/** All ways of predicting: kernel by kernel, compiled, and by TensorFlow's own library where it is built. */
const ways = (["wasm", "compiled", ...nativeBackend] as const).map((backend) => ({
  backend,
  compute: settings(backend),
}));

/** Runs the tests of `body` for each way. */
function onEachWay(claim: string, body: (compute: ComputeSettings) => void): void {
  describe.each(ways)(`${claim}, $backend`, ({ backend, compute }) => {
    beforeAll(async () => {
      expect((await chooseBackend({ prefer: backend })).name).toBe(backend);
    });
    body(compute);
  });
}

/** A model's files, and what a spec says of it. */
type Given = TfjsFiles & { mapping: ModelMapping };

async function open(given: Given, compute: ComputeSettings, data?: number[]): Promise<Predictor> {
  return openPredictor(await loadTfjsLayers(given, given.mapping, data), compute);
}

/** Files of a layers model: a dense layer of the given weights, with softmax, or whatever `make` gives. */
async function filesOf(make: () => tf.LayersModel, output: ModelMapping["output"]): Promise<Given> {
  const model = make();
  let files: Given | null = null;
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs = [], weightData }) => {
      const bytes = new Uint8Array(weightData as ArrayBuffer);
      const half = Math.floor(bytes.length / 2);
      const json = {
        format: "layers-model",
        modelTopology,
        weightsManifest: [{ paths: ["a.bin", "b.bin"], weights: weightSpecs }],
      };
      files = {
        modelJson: new TextEncoder().encode(JSON.stringify(json)),
        weightFiles: [
          { name: "b.bin", bytes: bytes.subarray(half) },
          { name: "a.bin", bytes: bytes.subarray(0, half) },
        ],
        mapping: ModelMapping.parse({ output, probabilityFloor: 1e-4, scale: 2 }),
      };
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  model.dispose();
  if (files === null) throw new Error("the model was not saved");
  return files;
}

function dense(activation: "softmax" | "linear", inputShape: number[] = [2]): tf.LayersModel {
  const layers = [
    ...(inputShape.length > 1 ? [tf.layers.flatten({ inputShape })] : []),
    tf.layers.dense({
      units: 2,
      activation,
      ...(inputShape.length > 1 ? {} : { inputShape }),
      kernelInitializer: "identity",
    }),
  ];
  return tf.sequential({ layers });
}

onEachWay("a predictor of a layers model", (compute) => {
  it("scales the input and gives logits as they are", async () => {
    const predictor = await open(await filesOf(() => dense("linear"), "logits"), compute);
    expect(predictor.inputShape).toEqual([2]);
    expect(predictor.classes).toBe(2);
    expect([...(await predictor.predict(Float32Array.of(1, 2, 3, 4), 2))]).toEqual([2, 4, 6, 8]);
    await predictor.close();
  });

  it("turns probabilities into logits by a log with a floor", async () => {
    const predictor = await open(await filesOf(() => dense("softmax"), "probabilities"), compute);
    // Inputs are doubled: softmax(2, 0) and softmax(40, 0), whose second value lies below the floor of 1e-4.
    const logits = await predictor.predict(Float32Array.of(1, 0, 20, 0), 2);
    const p = 1 / (1 + Math.exp(-2));
    expectClose(logits, [Math.log(p), Math.log(1 - p), 0, Math.log(1e-4)], 1e-5, 0.1);
    await predictor.close();
  });

  it("predicts many rows in slices as if at once, and leaks nothing", async () => {
    const files = await filesOf(() => dense("linear", [2, 1]), "logits");
    await expectNoLeakAsync(async () => {
      const predictor = await open(files, compute);
      const inputs = Float32Array.from({ length: 1100 * 2 }, (_, i) => i);
      const logits = await expectNoLeakAsync(() => predictor.predict(inputs, 1100));
      expect(logits).toEqual(inputs.map((x) => 2 * x));
      await predictor.close();
    });
  });

  it("refuses samples of another size and shows both", async () => {
    const predictor = await open(await filesOf(() => dense("linear", [2, 1]), "logits"), compute);
    const predict = (): unknown => predictor.predict(new Float32Array(6), 2);
    await expect(predict()).rejects.toThrow(InputShapeMismatch);
    await expect(predict()).rejects.toThrow(
      "2 samples of 3 numbers each: the model takes inputs of shape [2, 1], which is 2",
    );
    await predictor.close();
  });
});

onEachWay("a layers model that fixes its batch", (compute) => {
  it.each([1, 10])("at %i answers any number of samples", async (batch) => {
    const fixed = (): tf.LayersModel =>
      tf.sequential({
        layers: [
          tf.layers.conv2d({
            filters: 1,
            kernelSize: 1,
            kernelInitializer: "ones",
            batchInputShape: [batch, 1, 2, 1],
          }),
          tf.layers.flatten(),
        ],
      });
    const given = await filesOf(fixed, "logits");
    const predictor = await open(given, compute, [1, 2, 1]);
    const inputs = Float32Array.from({ length: 2 * 23 }, (_, i) => i);
    // The mapping of these files doubles what comes in.
    expect(await predictor.predict(inputs, 23)).toEqual(inputs.map((x) => 2 * x));
    await predictor.close();
  });
});

onEachWay("the mapping of a layers model", (compute) => {
  // Images of 1 by 2 pixels with 3 channels, to a model that takes [3, 1, 2] and gives its first two numbers.
  const planes = (): tf.LayersModel =>
    tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: [3, 1, 2] }),
        tf.layers.dense({ units: 6, kernelInitializer: "identity" }),
      ],
    });

  it("brings channels to the front, takes off the mean and divides by the deviation of each", async () => {
    const given = await filesOf(planes, "logits");
    const mapping = ModelMapping.parse({
      output: "logits",
      scale: 10,
      mean: [1, 2, 3],
      deviation: [1, 2, 4],
    });
    const predictor = await open({ ...given, mapping }, compute, [1, 2, 3]);
    // (10 x - mean) / deviation, the red pixels first.
    const [r, g, b] = [
      (x: number) => 10 * x - 1,
      (x: number) => (10 * x - 2) / 2,
      (x: number) => (10 * x - 3) / 4,
    ];
    expectClose(
      await predictor.predict(Float32Array.of(1, 2, 3, 4, 5, 6), 1),
      [r(1), r(4), g(2), g(5), b(3), b(6)],
      1e-6,
      1,
    );
    await predictor.close();
  });

  it("takes the classes that `labels` names, in its order", async () => {
    const given = await filesOf(planes, "logits");
    const mapping = ModelMapping.parse({ output: "logits", labels: [4, 0] });
    const predictor = await open({ ...given, mapping }, compute, [6]);
    expect(predictor.classes).toBe(2);
    expect([...(await predictor.predict(Float32Array.of(1, 2, 3, 4, 5, 6), 1))]).toEqual([5, 1]);
    await predictor.close();
  });

  it("refuses what does not fit, and shows the model's shape", async () => {
    const given = await filesOf(planes, "logits");
    const mapped = (more: object): ModelMapping => ModelMapping.parse({ output: "logits", ...more });
    const opened = (more: object, data: number[]): unknown =>
      open({ ...given, mapping: mapped(more) }, compute, data);
    await expect(opened({}, [5])).rejects.toThrow(
      "Cannot give samples of shape [5] to the model: it has an input of shape [3, 1, 2]",
    );
    await expect(opened({ mean: [1, 2] }, [1, 2, 3])).rejects.toThrow(
      "a mean for each of 2 channels: the data has 3",
    );
    await expect(opened({ labels: [6, 0] }, [6])).rejects.toThrow(
      "output 6, which the spec's labels name: it has 6",
    );
    await expect(opened({ layout: "nhwc" }, [1, 2, 3])).rejects.toThrow("in the layout nhwc");
  });
});

describe.each(ways)("features of a layers model, $backend", ({ compute }) => {
  const files = (): Promise<Given> =>
    filesOf(() => {
      const model = tf.sequential({
        layers: [
          tf.layers.dense({ units: 3, inputShape: [2], activation: "relu", name: "hidden" }),
          tf.layers.reshape({ targetShape: [3, 1], name: "column" }),
          tf.layers.flatten(),
          tf.layers.dense({ units: 2, name: "last" }),
        ],
      });
      const kernels = [tf.tensor2d([1, 2, 3, -4, -5, 6], [2, 3]), tf.tensor2d([1, 0, 0, 1, 1, 1], [3, 2])];
      model.getLayer("hidden").setWeights([kernels[0] as tf.Tensor, tf.zeros([3])]);
      model.getLayer("last").setWeights([kernels[1] as tf.Tensor, tf.zeros([2])]);
      return model;
    }, "logits");

  it("are what its layers give, and change nothing", async () => {
    const given = await files();
    const mapping = ModelMapping.parse({ output: "logits", features: { inner: "hidden", same: "column" } });
    await expectNoLeakAsync(async () => {
      const predictor = await open({ ...given, mapping }, compute);
      const inputs = Float32Array.of(1, 1, 2, 0);
      const seen = await expectNoLeakAsync(async () => predictor.predictWithFeatures?.(inputs, 2));
      // relu(1 - 4, 2 - 5, 3 + 6) and relu(2, 4, 6)
      const inner = [0, 0, 9, 2, 4, 6];
      expect([...(seen?.features.inner?.values ?? [])]).toEqual(inner);
      expect(seen?.features.same?.shape).toEqual([3, 1]);
      expect([...(seen?.features.same?.values ?? [])]).toEqual(inner);
      expect([...(seen?.logits ?? [])]).toEqual([9, 9, 8, 10]);
      expect([...(await predictor.predict(inputs, 2))]).toEqual([9, 9, 8, 10]);
      await predictor.close();
    });
  });

  it("of a layer that is not there are refused, with names much like it", async () => {
    const given = await files();
    const mapping = ModelMapping.parse({ output: "logits", features: { inner: "hiden" } });
    await expectNoLeakAsync(() =>
      expect(open({ ...given, mapping }, compute)).rejects.toThrow(
        'Cannot give the feature "inner" as the model has no "hiden": did you mean "hidden"?',
      ),
    );
  });

  it("are given by a model of our own too, by the names of its layers", async () => {
    const arch = ArchSpec.parse({ arch: "mlp", hidden: [4] });
    const model = buildModel(arch, [3], 2, [1]);
    const x = tf.tensor2d([[1, -2, 3]]);
    const layer = tf.model({ inputs: model.inputs, outputs: model.getLayer("dense_1").output });
    const expected = layer.predict(x) as tf.Tensor;
    const bytes = packModel({
      arch,
      inputShape: [3],
      inputScale: 1,
      classes: 2,
      weights: readWeights(model),
    });
    const mapping = ModelMapping.parse({ output: "logits", features: { inner: "dense_1" } });
    const teacher = { format: "stillhouse", mapping } as const;
    const predictor = await loadTeacherModel(teacher, bytes, [3], compute);
    const seen = await predictor.predictWithFeatures?.(Float32Array.of(1, -2, 3), 1);
    expectClose(seen?.features.inner?.values ?? [], expected.dataSync(), 1e-6, 1);
    await predictor.close();
    tf.dispose([x, expected]);
    model.dispose();
  });
});

describe("loadTfjsLayers()", () => {
  it("names its weight files, and the one that is missing", async () => {
    const files = await filesOf(() => dense("linear"), "logits");
    expect(weightFileNames(files.modelJson, "layers-model")).toEqual(["a.bin", "b.bin"]);
    const short = { ...files, weightFiles: files.weightFiles.slice(0, 1) };
    await expect(loadTfjsLayers(short, short.mapping)).rejects.toThrow(
      'names the weight file "a.bin", given were [b.bin]',
    );
  });

  it("refuses what is no layers model", async () => {
    const files = await filesOf(() => dense("linear"), "logits");
    const load = (text: string): Promise<LoadedModel> =>
      loadTfjsLayers({ ...files, modelJson: new TextEncoder().encode(text) }, files.mapping);
    await expect(load("{")).rejects.toThrow(BadTfjsModel);
    await expect(load('{"format":"graph-model","modelTopology":{}}')).rejects.toThrow(
      'its format is "graph-model", expected "layers-model"',
    );
    await expect(load('{"format":"layers-model","modelTopology":{},"weightsManifest":[]}')).rejects.toThrow(
      BadTfjsModel,
    );
  });

  it("refuses an output that is not [batch, classes], and leaks nothing", async () => {
    const files = await filesOf(
      () => tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3, 4] })] }),
      "logits",
    );
    await expectNoLeakAsync(() =>
      expect(loadTfjsLayers(files, files.mapping)).rejects.toThrow(
        "its output has the shape [null,3,2], expected [batch, classes]",
      ),
    );
  });

  it("refuses a second output", async () => {
    const files = await filesOf(() => {
      const input = tf.input({ shape: [2] });
      const outputs = [1, 2].map((units) => tf.layers.dense({ units }).apply(input) as tf.SymbolicTensor);
      return tf.model({ inputs: input, outputs });
    }, "logits");
    await expect(loadTfjsLayers(files, files.mapping)).rejects.toThrow("it has 2 outputs, expected 1");
  });
});

onEachWay("loadNativeModel()", (compute) => {
  it.each([
    ["mlp", ArchSpec.parse({ arch: "mlp", hidden: [4], dropout: 0.5 })],
    ["cnn", ArchSpec.parse({ arch: "cnn", channels: [2], dense: 4 })],
  ])("predicts as the %s that was packed, without dropout", async (_, arch) => {
    const model = buildModel(arch, [4, 4, 1], 3, [1]);
    const bytes = packModel({
      arch,
      inputShape: [4, 4, 1],
      inputScale: 1,
      classes: 3,
      weights: readWeights(model),
    });
    const inputs = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i));
    const x = tf.tensor(inputs, [2, 4, 4, 1]);
    const expected = model.predict(x) as tf.Tensor;
    await expectNoLeakAsync(async () => {
      const predictor = await loadNativeModel(bytes, compute);
      expect(predictor.inputShape).toEqual([4, 4, 1]);
      expectClose(await predictor.predict(inputs, 2), expected.dataSync(), 1e-6, 1);
      await predictor.close();
    });
    tf.dispose([x, expected]);
    model.dispose();
  });
});
