import { describe, expect, it } from "vitest";
import { meanInterval95, sampleDeviation, wilsonInterval95 } from "../../shared/evaluate/intervals.ts";
import { discordantPairs, mcnemar } from "../../shared/evaluate/mcnemar.ts";
import { incompleteBeta, studentTCdf, studentTQuantile } from "../../shared/evaluate/studentT.ts";
import { describeWithGoldens, goldenNumber, goldenVector } from "../helpers/golden.ts";

describe("studentTQuantile()", () => {
  it("is the printed table of the 97.5% points for 1 to 30 degrees of freedom", () => {
    const table = [
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
      2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
    ];
    const found = table.map((_, i) => Number(studentTQuantile(0.975, i + 1).toFixed(3)));
    expect(found).toEqual(table);
  });

  it("is the closed form for 1 and 2 degrees of freedom", () => {
    for (const p of [0.01, 0.3, 0.6, 0.9, 0.999]) {
      // Cauchy: tan(pi (p - 1/2)). For 2: (2p - 1) sqrt(2 / (4 p (1 - p))).
      expect(studentTQuantile(p, 1)).toBeCloseTo(Math.tan(Math.PI * (p - 0.5)), 6);
      expect(studentTQuantile(p, 2)).toBeCloseTo((2 * p - 1) * Math.sqrt(2 / (4 * p * (1 - p))), 8);
    }
  });

  it("goes to the normal quantile for many degrees of freedom", () => {
    expect(studentTQuantile(0.975, 1e6)).toBeCloseTo(1.959966, 5);
  });

  it("is undone by the distribution function, and is 0 at one half", () => {
    expect(studentTCdf(studentTQuantile(0.05, 7), 7)).toBeCloseTo(0.05, 10);
    expect(studentTQuantile(0.5, 3)).toBe(0);
  });

  it("refuses what no quantile has", () => {
    expect(() => studentTQuantile(1, 3)).toThrow(/p is 1, df 3/);
    expect(() => studentTQuantile(0.5, 0)).toThrow(RangeError);
  });
});

describe("incompleteBeta()", () => {
  it("is the polynomial that whole parameters give", () => {
    // I_x(1, b) = 1 - (1 - x)^b and I_x(a, 1) = x^a; I_x(2, 2) = x^2 (3 - 2x).
    for (const x of [0, 0.2, 0.5, 0.9, 1]) {
      expect(incompleteBeta(x, 1, 5)).toBeCloseTo(1 - (1 - x) ** 5, 13);
      expect(incompleteBeta(x, 4, 1)).toBeCloseTo(x ** 4, 13);
      expect(incompleteBeta(x, 2, 2)).toBeCloseTo(x * x * (3 - 2 * x), 13);
    }
  });
});

describe("meanInterval95()", () => {
  it("of 1, 2, 3 is 2 -+ 4.3027 / sqrt(3)", () => {
    // The mean is 2, the sample deviation 1.
    const [low, high] = meanInterval95([1, 2, 3]) ?? [];
    expect(low).toBeCloseTo(2 - 4.30265 / Math.sqrt(3), 4);
    expect(high).toBeCloseTo(2 + 4.30265 / Math.sqrt(3), 4);
  });

  it("of one value does not exist", () => {
    expect(meanInterval95([0.5])).toBeNull();
    expect(sampleDeviation([0.5])).toBeNull();
  });

  it("of equal values is a point", () => {
    expect(meanInterval95([0.1, 0.1, 0.1])).toEqual([0.1, 0.1]);
  });
});

describeWithGoldens("against golden values", () => {
  it("the Wilson interval of 74 errors in 10,000 is the golden one", () => {
    const [low, high] = wilsonInterval95(0.0074, 10_000);
    const [expectedLow = Number.NaN, expectedHigh = Number.NaN] = goldenVector("wilson95 of 74/1e4");
    expect(low).toBeCloseTo(expectedLow, 9);
    expect(high).toBeCloseTo(expectedHigh, 9);
  });

  it("McNemar's test of 25 against 12 has the golden statistic and p-values", () => {
    const found = mcnemar({ n10: 25, n01: 12 });
    expect(found.chi2).toBeCloseTo(goldenNumber("mcnemar b=25,c=12: chi2_cc"), 9);
    expect(found.exact).toBeCloseTo(goldenNumber("mcnemar exact two-sided p"), 9);
    expect(found.midP).toBeCloseTo(goldenNumber("mcnemar mid-p"), 9);
  });
});

describe("wilsonInterval95()", () => {
  it("of no error in 10 begins at 0 and ends at z^2 / (10 + z^2)", () => {
    const [low, high] = wilsonInterval95(0, 10);
    expect(low).toBeCloseTo(0, 15);
    expect(high).toBeCloseTo(3.841459 / 13.841459, 6);
  });
});

describe("mcnemar()", () => {
  it("does not depend on which model is named first", () => {
    const { exact, midP, chi2 } = mcnemar({ n10: 3, n01: 9 });
    expect(mcnemar({ n10: 9, n01: 3 })).toMatchObject({ exact, midP, chi2 });
  });

  it("of 0 against 4 is 2 / 2^4, and half of it at mid-p", () => {
    expect(mcnemar({ n10: 0, n01: 4 }).exact).toBeCloseTo(2 / 16, 14);
    expect(mcnemar({ n10: 0, n01: 4 }).midP).toBeCloseTo(1 / 16, 14);
  });

  it("finds nothing where no sample tells the models apart, or both sides are equal", () => {
    expect(mcnemar({ n10: 0, n01: 0 })).toEqual({ n10: 0, n01: 0, chi2: 0, exact: 1, midP: 1 });
    expect(mcnemar({ n10: 5, n01: 5 }).chi2).toBe(0);
    expect(mcnemar({ n10: 5, n01: 5 }).midP).toBeCloseTo(1, 14);
  });

  it("stays a number for thousands of samples, where 2^-n underflows", () => {
    expect(mcnemar({ n10: 3000, n01: 3000 }).exact).toBe(1);
    // z = 200 / sqrt(6000) = 2.582: two-sided 0.0098, by the normal limit of the binomial.
    expect(mcnemar({ n10: 3100, n01: 2900 }).midP).toBeCloseTo(0.0098, 3);
  });
});

describe("discordantPairs()", () => {
  it("counts samples that one model alone gets right", () => {
    expect(discordantPairs(Uint8Array.of(1, 1, 0, 0, 1), Uint8Array.of(1, 0, 1, 0, 0))).toEqual({
      n10: 2,
      n01: 1,
    });
  });

  it("refuses models that were evaluated on different samples", () => {
    expect(() => discordantPairs(Uint8Array.of(1), Uint8Array.of(1, 0))).toThrow(/1 and 2/);
  });
});
