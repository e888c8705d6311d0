import { describe, expect, it } from "vitest";
import { rng } from "../../shared/determinism/rng.ts";
import { averagePrecision } from "../../shared/evaluate/averagePrecision.ts";
import { multiLabelMetrics, rightShares } from "../../shared/evaluate/multiLabelMetrics.ts";
import { pairedSamples } from "../../shared/evaluate/pairedSamples.ts";
import { regressionMetrics, rmseIn, squaredErrors } from "../../shared/evaluate/regressionMetrics.ts";
import { scoreVerdict } from "../../shared/evaluate/scoreVerdict.ts";
import { pairedDifference } from "../../shared/evaluate/verdict.ts";

const NONE = Number.NaN;

describe("average precision", () => {
  it("is that of the example in scikit-learn's documentation: 0.8333", () => {
    // Ranked 1, 0, 1, 0: half the recall at precision 1, half at 2/3.
    expect(averagePrecision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBeCloseTo(1 / 2 + (1 / 2) * (2 / 3), 12);
  });

  it("takes samples of one score together, in whatever order they stand", () => {
    // All alike: the whole recall at the share of positives.
    expect(averagePrecision([2, 2, 2, 2], [1, 0, 0, 0])).toBe(0.25);
    expect(averagePrecision([2, 2, 2, 2], [0, 0, 0, 1])).toBe(0.25);
  });

  it("leaves out what is not known, and is null without a positive", () => {
    expect(averagePrecision([3, 9, 2, 1], [1, NONE, 0, 1])).toBeCloseTo(1 / 2 + (1 / 2) * (2 / 3), 12);
    expect(averagePrecision([3, 2], [0, NONE])).toBeNull();
  });

  it("of scores by chance is near the share of positives", () => {
    const stream = rng("average precision");
    const truth = Array.from({ length: 20_000 }, () => (stream.uniform() < 0.3 ? 1 : 0));
    const found = averagePrecision(
      truth.map(() => stream.uniform()),
      truth,
    );
    // The deviation of a precision over n positives is about sqrt(0.3 0.7 / 6000) = 0.006.
    expect(Math.abs((found as number) - 0.3)).toBeLessThan(0.03);
  });
});

describe("metrics of multi-label", () => {
  // Predicted at 0.5: rows [1 0], [1 1], [0 1], [0 0].
  const logits = Float32Array.of(2, -1, 1, 3, -2, 0.5, -1, -3);
  const truth = Float32Array.of(1, 0, 0, 1, NONE, 0, 1, NONE);
  const found = multiLabelMetrics(logits, truth, 2);

  it("count decisions of what is known alone", () => {
    // Class 0: one hit, one wrong, one missed, three known. Class 1: one hit, one wrong, three known.
    expect(found.perClass.map(({ f1, known, positives }) => [f1, known, positives])).toEqual([
      [2 / 4, 3, 2],
      [2 / 3, 3, 1],
    ]);
    expect(found.macroF1).toBeCloseTo((1 / 2 + 2 / 3) / 2, 12);
    // 2 hits, 1 missed, 2 wrong.
    expect(found.microF1).toBeCloseTo(4 / 7, 12);
    expect(found.hammingAccuracy).toBeCloseTo(3 / 6, 12);
    // Row 0 alone is right in all that is known of it.
    expect(found.exactMatch).toBe(1 / 4);
  });

  it("rank each class by itself", () => {
    // Class 0: scores 2 (yes), 1 (no), -1 (yes). Class 1: 3 (yes) first.
    expect(found.perClass.map((one) => one.averagePrecision)).toEqual([1 / 2 + (1 / 2) * (2 / 3), 1]);
    expect(found.meanAveragePrecision).toBeCloseTo((5 / 6 + 1) / 2, 12);
  });

  it("have the mean of minus the log of the probability of what is true", () => {
    const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
    const terms = [sigmoid(2), 1 - sigmoid(-1), 1 - sigmoid(1), sigmoid(3), 1 - sigmoid(0.5), sigmoid(-1)];
    const expected = -terms.reduce((sum, p) => sum + Math.log(p), 0) / 6;
    expect(found.binaryCrossEntropy).toBeCloseTo(expected, 6);
  });

  it("give each sample its share of right decisions", () => {
    expect([...rightShares(logits, truth, 2)]).toEqual([1, 0.5, 0, 0]);
  });

  it("refuse truth without a single positive", () => {
    expect(() => multiLabelMetrics(logits, new Float32Array(8), 2)).toThrow(/no known sample has any class/);
  });
});

describe("metrics of regression", () => {
  const values = Float32Array.of(1, 10, 2, 30, 4, 20);
  const truth = Float32Array.of(2, 10, 2, NONE, 3, 40);
  const found = regressionMetrics(values, truth, 2);

  it("are of each output, in its own unit", () => {
    // Output 0: errors -1, 0, 1; targets 2, 2, 3 of mean 7/3 and spread 2/3. Output 1: 0 and -20; 10 and 40, spread 450.
    const [a, b] = found.perOutput;
    expect(a?.rmse).toBeCloseTo(Math.sqrt(2 / 3), 6);
    expect(a?.mae).toBeCloseTo(2 / 3, 6);
    expect(a?.r2).toBeCloseTo(1 - 2 / (2 / 3), 6);
    expect(b?.rmse).toBeCloseTo(Math.sqrt(400 / 2), 6);
    expect(b?.mae).toBeCloseTo(10, 6);
    expect(b?.r2).toBeCloseTo(1 - 400 / 450, 6);
    expect([a?.known, b?.known]).toEqual([3, 2]);
  });

  it("are of all outputs together", () => {
    expect(found.rmse).toBeCloseTo(Math.sqrt(402 / 5), 6);
    expect(found.mae).toBeCloseTo(22 / 5, 6);
    expect(found.r2).toBeCloseTo((-2 + 1 - 400 / 450) / 2, 6);
  });

  it("have a score in units of each output, and a squared error of each sample", () => {
    // Divided by 1 and 10: squares 1, 0, 1 and 0, 4.
    expect(rmseIn(values, truth, [1, 10])).toBeCloseTo(Math.sqrt(6 / 5), 6);
    expect([...squaredErrors(values, truth, [1, 10])]).toEqual([0.5, 0, 2.5]);
  });

  it("have no R^2 where targets do not differ, and refuse truth of which nothing is known", () => {
    expect(regressionMetrics(Float32Array.of(1, 2), Float32Array.of(5, 5), 1).r2).toBeNull();
    expect(() => regressionMetrics(Float32Array.of(1), Float32Array.of(NONE), 1)).toThrow(
      /none of its targets/,
    );
  });
});

describe("a pair of models on the same samples", () => {
  it("differ by the paired t test: differences 1, 2, 3 have t = 3.464 and p = 0.0742", () => {
    // mean 2, deviation 1, t = 2 sqrt(3); p of Student's t with 2 degrees: 1 - t / sqrt(t^2 + 2) = 0.0741799.
    const found = pairedSamples(Float32Array.of(2, 4, NONE, 6), Float32Array.of(1, 2, 0, 3));
    expect(found).toMatchObject({ samples: 3, mean: 2 });
    expect(found?.p).toBeCloseTo(1 - Math.sqrt(12) / Math.sqrt(14), 6);
    // 4.302653 is the 97.5% point of Student's t with 2 degrees.
    expect(found?.interval95?.[0]).toBeCloseTo(2 - 4.302653 / Math.sqrt(3), 5);
  });

  it("are not compared where nothing is known", () => {
    expect(pairedSamples(Float32Array.of(NONE), Float32Array.of(NONE))).toBeNull();
  });
});

describe("the verdict by a score", () => {
  const rmse = { name: "RMSE", better: "lower", unit: "the data's unit" } as const;
  const map = { name: "mean average precision", better: "higher", unit: "" } as const;
  const of = (...gains: number[]) =>
    pairedDifference(gains.map((gain) => ({ student: 1 + gain, baseline: 1 })));

  it("is helped where less error is left, and harmed where more is", () => {
    expect(scoreVerdict(of(-0.2, -0.21, -0.19), rmse).verdict).toBe("helped");
    expect(scoreVerdict(of(0.2, 0.21, 0.19), rmse).verdict).toBe("harmed");
    expect(scoreVerdict(of(0.2, -0.21, 0.19), rmse).verdict).toBe("not shown");
  });

  it("is helped where more precision is there, and says so in points", () => {
    const found = scoreVerdict(of(0.02, 0.021, 0.019), map);
    expect(found.verdict).toBe("helped");
    expect(found.verdictReason).toMatch(
      /points of mean average precision, lies above 0, and higher is better/,
    );
    expect(scoreVerdict(of(-0.02, -0.021, -0.019), map).verdict).toBe("harmed");
  });

  it("is not shown for one seed, or none alone", () => {
    expect(scoreVerdict(of(0.5), rmse).verdict).toBe("not shown");
    expect(scoreVerdict(null, rmse).verdict).toBe("not shown");
  });
});
