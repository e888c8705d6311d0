import { describe, expect, it } from "vitest";
import { rng } from "../../shared/determinism/rng.ts";
import {
  accuracyWeights,
  calibratedTemperature,
  NothingToCalibrate,
} from "../../shared/distill/calibration.ts";
import { describeWithGoldens, goldenVector } from "../helpers/golden.ts";

describe("a calibrated temperature", () => {
  /** Labels drawn from the softmax of logits, which are then multiplied. */
  function drawn(factor: number): { logits: Float32Array; labels: Int32Array } {
    const stream = rng("calibration");
    const rows = 20_000;
    const logits = Float32Array.from({ length: 3 * rows }, () => 1.5 * stream.normal());
    const labels = Int32Array.from({ length: rows }, (_, row) => {
      const e = [0, 1, 2].map((c) => Math.exp(logits[3 * row + c] as number));
      const point = stream.uniform() * e.reduce((a, b) => a + b);
      const [first, second] = e as [number, number];
      return point < first ? 0 : point < first + second ? 1 : 2;
    });
    return { logits: logits.map((logit) => factor * logit), labels };
  }

  it.each([0.5, 1, 3])("finds the factor by which logits are too large: %d", (factor) => {
    const { logits, labels } = drawn(factor);
    // The likelihood's own spread over 20,000 samples is about 1%.
    expect(calibratedTemperature(logits, labels, 3) / factor).toBeCloseTo(1, 1);
  });

  it("is where the mean of what classes lie above or below the mean of their logits is nought", () => {
    // Two classes with logits (a, 0), a = 2: of 4 samples 3 are of the first, so 2 / T = log 3.
    const logits = Float32Array.of(2, 0, 2, 0, 2, 0, 2, 0);
    expect(calibratedTemperature(logits, Int32Array.of(0, 0, 0, 1), 2)).toBeCloseTo(2 / Math.log(3), 5);
  });

  it("leaves samples without a label out, and refuses where there is no other", () => {
    const logits = Float32Array.of(2, 0, 2, 0, 2, 0, 2, 0, -9, 9);
    expect(calibratedTemperature(logits, Int32Array.of(0, 0, 0, 1, -1), 2)).toBeCloseTo(2 / Math.log(3), 5);
    expect(() => calibratedTemperature(logits, Int32Array.of(-1, -1, -1, -1, -1), 2)).toThrow(
      NothingToCalibrate,
    );
  });
});

describe("weights by accuracy", () => {
  describeWithGoldens("of 90%, 80% and 70%", () => {
    it.each([
      ["accuracy", "valacc.weights acc/sum"],
      ["log-odds", "valacc.logodds weights normalised"],
    ] as const)("are the golden ones by %s", (by, key) => {
      const weights = accuracyWeights(
        [900, 800, 700].map((right) => ({ right, of: 1000 })),
        by,
      );
      goldenVector(key).forEach((expected, k) => {
        expect(weights[k]).toBeCloseTo(expected, 8);
      });
    });
  });

  it("give a teacher of which nothing is known the mean of the others", () => {
    const weights = accuracyWeights(
      [
        { right: 9, of: 10 },
        { right: 0, of: 0 },
        { right: 3, of: 6 },
      ],
      "accuracy",
    );
    // 0.9, 0.7 and 0.5, of sum 2.1.
    [0.9, 0.7, 0.5].forEach((share, k) => {
      expect(weights[k]).toBeCloseTo(share / 2.1, 12);
    });
    expect(() => accuracyWeights([{ right: 0, of: 0 }], "accuracy")).toThrow(NothingToCalibrate);
  });

  it("stay finite and above 0 for teachers that are always or never right", () => {
    for (const by of ["accuracy", "log-odds"] as const) {
      const weights = accuracyWeights(
        [100, 0, 50].map((right) => ({ right, of: 100 })),
        by,
      );
      for (const weight of weights) expect(weight).toBeGreaterThan(0);
      expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      expect(weights[0]).toBe(Math.max(...weights));
    }
  });
});
