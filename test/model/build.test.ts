import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { architectures, buildModel, countParameters } from "../../shared/model/build.ts";
import { CnnInputShape } from "../../shared/model/cnn.ts";
import { NoMaskSource, seededMasks, withMaskSource } from "../../shared/model/dropout.ts";
import { DropoutCount } from "../../shared/model/mlp.ts";
import { EmptySeed } from "../../shared/model/seed.ts";
import { readWeights, weightsHash } from "../../shared/model/weights.ts";
import { expectNoLeak, onEachBackend } from "../helpers/tensors.ts";

const arch = (text: object): ArchSpec => ArchSpec.parse(text);
const small = arch({ arch: "mlp", hidden: [8, 6], dropout: 0.5, inputDropout: 0.25 });
const conv = arch({ arch: "cnn", channels: [3, 4], dense: 5, dropout: 0.5 });

function withModel<T>(
  spec: ArchSpec,
  shape: number[],
  seed: (string | number)[],
  use: (m: tf.LayersModel) => T,
): T {
  return expectNoLeak(() => {
    const model = buildModel(spec, shape, 3, seed);
    try {
      return use(model);
    } finally {
      model.dispose();
    }
  });
}

function outputs(model: tf.LayersModel, shape: number[], training: boolean): number[] {
  const out: { values: number[] } = { values: [] };
  tf.tidy(() => {
    out.values = [...(model.apply(tf.ones([2, ...shape]), { training }) as tf.Tensor).dataSync()];
  });
  return out.values;
}

onEachBackend("buildModel()", () => {
  it.each([
    [small, [4, 2]],
    [conv, [8, 9, 2]],
  ])("gives the same bits again, whatever was built before", (spec, shape) => {
    const hash = (seed: (string | number)[]): string =>
      withModel(spec, shape, seed, (model) => weightsHash(readWeights(model)));
    const first = hash(["run", 1]);
    expect(hash(["run", 2])).not.toBe(first);
    withModel(conv, [4, 4, 1], ["other"], () => {});
    const kept = buildModel(small, [3], 2, ["kept"]);
    expect(hash(["run", 1])).toBe(first);
    kept.dispose();
  });

  it("keeps models of one architecture apart in one process", () => {
    const one = buildModel(small, [4], 3, [1]);
    const two = buildModel(small, [4], 3, [2]);
    const before = outputs(one, [4], false);
    expect(outputs(two, [4], false)).not.toEqual(before);
    two.dispose();
    expect(outputs(one, [4], false)).toEqual(before);
    one.dispose();
  });

  it("mlp: names, shapes and number of its weights", () => {
    withModel(small, [4, 2], [1], (model) => {
      expect(readWeights(model).map(({ name, shape }) => `${name} ${shape}`)).toEqual([
        "dense_1/kernel 8,8",
        "dense_1/bias 8",
        "dense_2/kernel 8,6",
        "dense_2/bias 6",
        "logits/kernel 6,3",
        "logits/bias 3",
      ]);
      expect(countParameters(model)).toBe(8 * 8 + 8 + 8 * 6 + 6 + 6 * 3 + 3);
      expect(model.outputs[0]?.shape).toEqual([null, 3]);
    });
  });

  it("mlp without hidden layers is a linear classifier", () => {
    withModel(arch({ arch: "mlp", hidden: [] }), [4], [1], (model) =>
      expect(countParameters(model)).toBe(15),
    );
  });

  it("cnn: each pool halves height and width, rounded down", () => {
    withModel(conv, [8, 9, 2], [1], (model) => {
      expect(readWeights(model).map(({ name, shape }) => `${name} ${shape}`)).toEqual([
        "conv_1/kernel 3,3,2,3",
        "conv_1/bias 3",
        "conv_2/kernel 3,3,3,4",
        "conv_2/bias 4",
        "dense_1/kernel 16,5", // 2 x 2 x 4
        "dense_1/bias 5",
        "logits/kernel 5,3",
        "logits/bias 3",
      ]);
    });
  });

  it("draws kernels with the variance of He and Glorot, and biases of 0", () => {
    const wide = arch({ arch: "mlp", hidden: [200] });
    const model = buildModel(wide, [100], 100, [3]);
    const weights = Object.fromEntries(readWeights(model).map(({ name, data }) => [name, data]));
    model.dispose();
    const variance = (data: Float32Array): number => data.reduce((sum, x) => sum + x * x, 0) / data.length;
    // 20,000 draws estimate a variance to 1% (one standard error, normal), so 5% is five of them.
    expect(Math.abs(variance(weights["dense_1/kernel"] as Float32Array) / (2 / 100) - 1)).toBeLessThan(0.05);
    const glorot = weights["logits/kernel"] as Float32Array;
    const limit = Math.sqrt(6 / 300);
    expect(Math.abs(variance(glorot) / (limit ** 2 / 3) - 1)).toBeLessThan(0.05);
    expect(Math.max(...glorot.map(Math.abs))).toBeLessThanOrEqual(Math.fround(limit));
    expect(weights["dense_1/bias"]?.every((b) => b === 0)).toBe(true);
  });

  it.each([
    [small, [4]],
    [conv, [8, 8, 1]],
  ])("drops units in training alone, by seed and step", (spec, shape) => {
    withModel(spec, shape, [1], (model) => {
      const train = (seed: number, step: number): number[] =>
        withMaskSource(seededMasks([seed], step), () => outputs(model, shape, true));
      expect(train(1, 0)).toEqual(train(1, 0));
      expect(train(1, 1)).not.toEqual(train(1, 0));
      expect(train(2, 0)).not.toEqual(train(1, 0));
      const inferred = withMaskSource(seededMasks([1], 0), () => outputs(model, shape, false));
      expect(inferred).toEqual(outputs(model, shape, false));
      expect(train(1, 0)).not.toEqual(inferred);
    });
  });

  it("refuses to train a model with dropout without a source of masks", () => {
    const model = buildModel(small, [4], 3, [1]);
    expect(() => outputs(model, [4], true)).toThrow(NoMaskSource);
    model.dispose();
  });

  it("refuses a list of rates that does not match the hidden layers", () => {
    const wrong = arch({ arch: "mlp", hidden: [8, 6], dropout: [0.5] });
    expect(() => buildModel(wrong, [4], 3, [1])).toThrow(DropoutCount);
  });

  it("refuses a cnn on inputs that are no images or too small", () => {
    expect(() => buildModel(conv, [64], 3, [1])).toThrow(CnnInputShape);
    expect(() => buildModel(conv, [3, 8, 1], 3, [1])).toThrow(/height and width of 4 or more/);
  });

  it("refuses a seed of no parts", () => {
    expect(() => buildModel(small, [4], 3, [])).toThrow(EmptySeed);
  });

  it("knows every architecture that a spec can name", () => {
    const named = ArchSpec.options.map((option) => option.shape.arch.value);
    expect(Object.keys(architectures)).toEqual(named);
  });
});
