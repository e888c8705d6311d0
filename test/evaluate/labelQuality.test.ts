import { describe, expect, it } from "vitest";
import { labelQuality } from "../../shared/evaluate/labelQuality.ts";

// Log-probabilities of (1/2, 1/4, 1/4), (1/10, 8/10, 1/10) and (1/3, 1/3, 1/3).
const logits = Float32Array.from([0.5, 0.25, 0.25, 0.1, 0.8, 0.1, 1 / 3, 1 / 3, 1 / 3], Math.log);

describe("the quality of labels", () => {
  it("is the true class's mean probability, the share right and the mean entropy", async () => {
    const found = await labelQuality([{ logits, labels: Int32Array.of(1, 1, 0) }], 3);
    expect(found).toMatchObject({ samples: 3, known: 3 });
    expect(found.trueClassProbability).toBeCloseTo((0.25 + 0.8 + 1 / 3) / 3, 6);
    // The first row is wrong; the third is a tie, which the lowest class wins.
    expect(found.accuracy).toBeCloseTo(2 / 3, 12);
    // 1.5 ln 2 = 1.03972, -(0.8 ln 0.8 + 0.2 ln 0.1) = 0.63903, ln 3 = 1.09861.
    expect(found.entropy).toBeCloseTo((1.03972 + 0.63903 + 1.09861) / 3, 5);
  });

  it("is the same however the samples are divided into blocks", async () => {
    const labels = Int32Array.of(1, 1, 0);
    const rows = [0, 1, 2].map((row) => ({
      logits: logits.slice(3 * row, 3 * row + 3),
      labels: labels.slice(row, row + 1),
    }));
    const whole = await labelQuality([{ logits, labels }], 3);
    for (const [key, value] of Object.entries(await labelQuality(rows, 3))) {
      expect(value, key).toBeCloseTo(whole[key as keyof typeof whole] as number, 12);
    }
  });

  it("leaves samples without a true class out of what needs one", async () => {
    const found = await labelQuality([{ logits, labels: Int32Array.of(-1, 1, -1) }], 3);
    expect(found).toMatchObject({ samples: 3, known: 1, accuracy: 1 });
    expect(found.trueClassProbability).toBeCloseTo(0.8, 6);
    expect(await labelQuality([{ logits, labels: Int32Array.of(-1, -1, -1) }], 3)).toMatchObject({
      known: 0,
      trueClassProbability: null,
      accuracy: null,
    });
  });

  it("refuses a logit that is not finite", async () => {
    const broken = Float32Array.of(0, Number.NaN, 0);
    await expect(labelQuality([{ logits: broken, labels: Int32Array.of(0) }], 3)).rejects.toThrow(
      /must be finite/,
    );
  });
});
