import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { buildModel, countParameters } from "../../shared/model/build.ts";
import { parameterCount } from "../../shared/model/parameterCount.ts";
import { TransformerShape } from "../../shared/model/transformer.ts";
import { readWeights } from "../../shared/model/weights.ts";
import { expectClose, expectNoLeak, onEachBackend } from "../helpers/tensors.ts";
import { logitsOf, waveGradients, waveModel } from "./waveModel.ts";

const arch = ArchSpec.parse({ arch: "transformer", vocabulary: 7, layers: 2, width: 6, heads: 2, ff: 5 });
const rows = [
  [3, 1, 6, 2],
  [5, 5, 0, 0],
];

/**
 * From PyTorch 2.15 in float64, with the weights of `waveModel` and `rows`: nn.TransformerEncoderLayer (norm_first,
 * gelu, its padding mask), F.layer_norm, the mean over the tokens, and its own derivatives.
 */
const pyTorch = {
  logits: [-1.925634, -1.593415, -0.5117874, -1.964952, -1.649503, -0.558267],
  gradients: {
    "embedding/tokens": -0.01768276,
    "embedding/places": 0.100012,
    "attention_norm_1/gamma": 0.07382949,
    "attention_norm_1/beta": -0.005433974,
    "attention_in_1/projection": -0.06441505,
    "attention_in_1/bias": -0.0003382426,
    "attention_out_1/projection": 0.01725915,
    "attention_out_1/bias": 0.005970978,
    "ff_norm_1/gamma": -0.03398495,
    "ff_norm_1/beta": -0.02890878,
    "ff_in_1/projection": 0.006743228,
    "ff_in_1/bias": 0.01856357,
    "ff_out_1/projection": 0.03375824,
    "ff_out_1/bias": 0.005780359,
    "attention_norm_2/gamma": -0.02360219,
    "attention_norm_2/beta": -0.06522558,
    "attention_in_2/projection": 0.1684889,
    "attention_in_2/bias": 0.03489321,
    "attention_out_2/projection": 0.002077383,
    "attention_out_2/bias": 0.003536649,
    "ff_norm_2/gamma": 0.004916349,
    "ff_norm_2/beta": 0.008681247,
    "ff_in_2/projection": 0.006967293,
    "ff_in_2/bias": -0.01251988,
    "ff_out_2/projection": 0.02750733,
    "ff_out_2/bias": 0.003690643,
    "norm/gamma": 0.1230022,
    "norm/beta": 0.07178482,
    "logits/kernel": -0.9437483,
    "logits/bias": -0.2076159,
  },
};

function withModel(
  use: (model: tf.LayersModel, logits: (rows: number[][], training?: boolean) => number[]) => void,
  length = 4,
): void {
  expectNoLeak(() => {
    const model = waveModel(arch, [length], 3);
    use(model, (rows, training) => {
      const inputs = tf.tensor2d(rows);
      try {
        return logitsOf(model, inputs, training);
      } finally {
        inputs.dispose();
      }
    });
    model.dispose();
  });
}

onEachBackend("transformer", () => {
  it("gives the logits of PyTorch, in inference and in training", () => {
    withModel((_, logits) => {
      expectClose(logits(rows), pyTorch.logits, 1e-5, 0.1);
      expectClose(logits(rows, true), pyTorch.logits, 1e-5, 0.1);
    });
  });

  it("has the gradients of PyTorch", () => {
    withModel((model) => {
      const inputs = tf.tensor2d(rows);
      const seen = expectNoLeak(() => waveGradients(model, inputs));
      inputs.dispose();
      expect(Object.keys(seen).sort()).toEqual(Object.keys(pyTorch.gradients).sort());
      for (const [name, sum] of Object.entries(pyTorch.gradients)) {
        expectClose(seen[name] ?? Number.NaN, sum, 1e-4, 0.1);
      }
    });
  });

  it("gives a row the same logits whatever padding follows it, also in rows shorter than the model's", () => {
    withModel((_, logits) => {
      const [a, b] = [[3, 1], [4]];
      const expected = logits([a, [...b, 0]]);
      expectClose(
        logits([
          [...a, 0],
          [...b, 0, 0],
        ]),
        expected,
        1e-5,
        0.1,
      );
      expectClose(
        logits([
          [...a, 0, 0, 0, 0],
          [...b, 0, 0, 0, 0, 0],
        ]),
        expected,
        1e-5,
        0.1,
      );
    }, 6);
  });

  it("tells the order of tokens, and one token from another", () => {
    withModel((_, logits) => {
      const [first] = logits([[3, 1, 6, 2]]);
      for (const other of [
        [1, 3, 6, 2],
        [3, 1, 5, 2],
      ]) {
        expect(Math.abs((logits([other])[0] as number) - (first as number))).toBeGreaterThan(1e-3);
      }
    });
  });

  it("gives finite logits and gradients for a row without tokens", () => {
    withModel((model, logits) => {
      // The mean of no tokens is 0, which leaves the bias of the logits.
      const bias = readWeights(model).at(-1)?.data as Float32Array;
      expectClose(
        logits([
          [0, 0, 0, 0],
          [3, 1, 6, 2],
        ]).slice(0, 3),
        bias,
        1e-5,
      );
      const inputs = tf.tensor2d([[0, 0, 0, 0]]);
      for (const sum of Object.values(waveGradients(model, inputs))) expect(sum).not.toBeNaN();
      inputs.dispose();
    });
  });

  it("refuses a token id beyond the vocabulary", () => {
    withModel((_, logits) => {
      expect(() => logits([[1, 2, 7, 0]])).toThrow(/7/);
    });
  });

  it("starts embeddings with a deviation of 0.02, projections as Glorot, scales of 1 and the rest at 0", () => {
    const wide = ArchSpec.parse({ arch: "transformer", vocabulary: 200, layers: 1, width: 100 });
    const model = buildModel(wide, [200], 2, ["init"]);
    const weights = Object.fromEntries(readWeights(model).map(({ name, data }) => [name, data]));
    model.dispose();
    const variance = (name: string): number => {
      const data = weights[name] as Float32Array;
      return data.reduce((sum, x) => sum + x * x, 0) / data.length;
    };
    // 20,000 draws estimate a variance to 1% (one standard error, normal; less if uniform), so 5% is five of them.
    for (const table of ["embedding/tokens", "embedding/places"]) {
      expect(Math.abs(variance(table) / 0.0004 - 1)).toBeLessThan(0.05);
    }
    expect(weights["embedding/tokens"]).not.toEqual(weights["embedding/places"]);
    // Uniform to sqrt(6 / (in + out)) has a variance of 2 / (in + out).
    expect(Math.abs(variance("attention_in_1/projection") / (2 / 400) - 1)).toBeLessThan(0.05);
    expect(Math.abs(variance("ff_out_1/projection") / (2 / 500) - 1)).toBeLessThan(0.05);
    for (const [name, data] of Object.entries(weights)) {
      if (/gamma$/.test(name)) expect(data.every((w) => w === 1)).toBe(true);
      if (/(beta|bias)$/.test(name)) expect(data.every((w) => w === 0)).toBe(true);
    }
  });

  it.each([arch, ArchSpec.parse({ arch: "transformer", vocabulary: 5, layers: 3, width: 8, dropout: 0.5 })])(
    "has as many parameters as the plan counts",
    (spec) => {
      const model = buildModel(spec, [9], 3, ["count"]);
      expect(countParameters(model)).toBe(parameterCount(spec, [9], 3));
      model.dispose();
    },
  );

  it("refuses images, and heads that do not share out the width", () => {
    expect(() => buildModel(arch, [4, 4, 1], 3, [1])).toThrow(TransformerShape);
    const uneven = ArchSpec.parse({ arch: "transformer", vocabulary: 7, width: 10, heads: 4 });
    expect(() => buildModel(uneven, [4], 3, [1])).toThrow(/a width of 10 \(width\) and 4 heads/);
  });
});
