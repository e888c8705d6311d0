import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { buildModel, countParameters } from "../../shared/model/build.ts";
import { parameterCount } from "../../shared/model/parameterCount.ts";
import { SeparableInputShape } from "../../shared/model/separable.ts";
import { readWeights } from "../../shared/model/weights.ts";
import { expectClose, expectNoLeak, onEachBackend } from "../helpers/tensors.ts";
import { logitsOf, waveGradients, waveModel } from "./waveModel.ts";

const arch = ArchSpec.parse({
  arch: "separable",
  stem: 3,
  blocks: [{ channels: 4 }, { channels: 3, stride: 2 }],
});
const inputShape = [5, 6, 2];
const images = (): tf.Tensor =>
  tf.tensor(
    Float32Array.from({ length: 120 }, (_, i) => Math.sin(0.37 * i)),
    [2, ...inputShape],
  );

/**
 * From PyTorch 2.15 in float64, with the weights of `waveModel` and `images`: F.conv2d with groups for the depthwise
 * convolutions (padded as TensorFlow does: the odd row and column at the end), F.batch_norm with eps 1e-5 and momentum
 * 0.1, relu, the mean, and its own derivatives. `moved` holds the moving means, then the moving variances after one
 * step, with the biased variance (F.batch_norm itself stores the unbiased one).
 */
const pyTorch = {
  inference: [0.9159352, 0.6324198, 0.05146746, 0.9423707, 0.6670865, 0.07806102],
  training: [0.6365887, 0.3624846, -0.08210174, 0.9498021, 0.6271007, 0.009463975],
  gradients: {
    "stem/kernel": -13.35187,
    "stem_norm/gamma": -0.3539515,
    "stem_norm/beta": -0.446637,
    "depthwise_1/depthwise_kernel": -1.368325,
    "depthwise_1_norm/gamma": -0.04052286,
    "depthwise_1_norm/beta": 0.1334956,
    "pointwise_1/kernel": -0.7204923,
    "pointwise_1_norm/gamma": -0.02502029,
    "pointwise_1_norm/beta": 0.1544218,
    "depthwise_2/depthwise_kernel": 0.5515223,
    "depthwise_2_norm/gamma": 0.1420971,
    "depthwise_2_norm/beta": -0.0771907,
    "pointwise_2/kernel": 0.005655293,
    "pointwise_2_norm/gamma": -0.8159643,
    "pointwise_2_norm/beta": -0.4291577,
    "logits/kernel": -0.2686866,
    "logits/bias": -0.2076159,
  },
  moved: {
    stem: [-0.5463273, -0.7205749, -0.5559249, 0.6667563, 0.7667894, 0.9339801],
    depthwise_1: [0.3384223, -0.1699805, -0.6056759, 0.8356642, 0.6606762, 0.658048],
    pointwise_1: [0.677103, 0.5821571, 0.2134136, -0.2557017, 1.102862, 0.9219075, 0.7358154, 0.6459724],
    depthwise_2: [0.1086009, 0.5413437, 0.719229, 0.5600397, 1.175896, 1.281829, 1.102473, 0.995645],
    pointwise_2: [-0.6020297, -0.2676282, 0.192643, 0.9184142, 1.075095, 1.164431],
  },
};

function withModel(use: (model: tf.LayersModel, inputs: tf.Tensor) => void): void {
  expectNoLeak(() => {
    const model = waveModel(arch, inputShape, 3);
    const inputs = images();
    use(model, inputs);
    tf.dispose(inputs);
    model.dispose();
  });
}

onEachBackend("separable", () => {
  it("gives the logits of PyTorch in inference and leaves the moving averages", () => {
    withModel((model, inputs) => {
      const before = readWeights(model);
      expectClose(logitsOf(model, inputs), pyTorch.inference, 1e-5, 0.1);
      expect(readWeights(model)).toEqual(before);
    });
  });

  it("gives the logits of PyTorch in training and moves the averages by a tenth", () => {
    withModel((model, inputs) => {
      expectClose(
        expectNoLeak(() => logitsOf(model, inputs, true)),
        pyTorch.training,
        1e-5,
        0.1,
      );
      const after = Object.fromEntries(readWeights(model).map(({ name, data }) => [name, [...data]]));
      for (const [layer, moved] of Object.entries(pyTorch.moved)) {
        const seen = ["moving_mean", "moving_variance"].flatMap(
          (role) => after[`${layer}_norm/${role}`] ?? [],
        );
        expectClose(seen, moved, 1e-5, 0.1);
      }
    });
  });

  it("has the gradients of PyTorch, through the batch's own moments", () => {
    withModel((model, inputs) => {
      const seen = expectNoLeak(() => waveGradients(model, inputs));
      expect(Object.keys(seen).sort()).toEqual(Object.keys(pyTorch.gradients).sort());
      for (const [name, sum] of Object.entries(pyTorch.gradients)) {
        expectClose(seen[name] ?? Number.NaN, sum, 1e-4, 0.1);
      }
    });
  });

  it("starts with scales of 1, moving means of 0 and variances of 1, and kernels by their fan-in", () => {
    const wide = ArchSpec.parse({ arch: "separable", stem: 1000, blocks: [{ channels: 40 }] });
    const model = buildModel(wide, [4, 4, 1], 2, ["init"]);
    const weights = Object.fromEntries(readWeights(model).map(({ name, data }) => [name, data]));
    model.dispose();
    const filled = (name: string, value: number): boolean =>
      weights[name]?.every((w) => w === value) ?? false;
    for (const layer of ["stem", "depthwise_1", "pointwise_1"]) {
      expect(filled(`${layer}_norm/gamma`, 1)).toBe(true);
      expect(filled(`${layer}_norm/beta`, 0)).toBe(true);
      expect(filled(`${layer}_norm/moving_mean`, 0)).toBe(true);
      expect(filled(`${layer}_norm/moving_variance`, 1)).toBe(true);
      expect(weights[`${layer}/bias`]).toBeUndefined();
    }
    const variance = (name: string): number => {
      const data = weights[name] as Float32Array;
      return data.reduce((sum, x) => sum + x * x, 0) / data.length;
    };
    // 9,000 draws estimate a variance to 1.5% (one standard error, normal), 40,000 to 0.7%; He: 2 / fan-in.
    expect(Math.abs(variance("depthwise_1/depthwise_kernel") / (2 / 9) - 1)).toBeLessThan(0.08);
    expect(Math.abs(variance("pointwise_1/kernel") / (2 / 1000) - 1)).toBeLessThan(0.04);
  });

  it.each([
    [arch, inputShape],
    [
      ArchSpec.parse({ arch: "separable", stemStride: 1, blocks: [{ channels: 5 }], dropout: 0.5 }),
      [3, 3, 1],
    ],
  ])("has as many parameters as the plan counts, without the moving averages", (spec, shape) => {
    const model = buildModel(spec, shape, 3, ["count"]);
    expect(countParameters(model)).toBe(parameterCount(spec, shape, 3));
    model.dispose();
  });

  it("refuses inputs that are no images", () => {
    expect(() => buildModel(arch, [64], 3, [1])).toThrow(SeparableInputShape);
  });
});
