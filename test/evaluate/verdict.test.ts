import { describe, expect, it } from "vitest";
import { gapRecovered, retention } from "../../shared/evaluate/recovery.ts";
import { decideVerdict, pairedDifference } from "../../shared/evaluate/verdict.ts";

/** The verdict on seeds whose students differ from the students alone by these shares. */
function on(...differences: number[]) {
  const difference = pairedDifference(differences.map((d) => ({ student: 0.5 + d, baseline: 0.5 })));
  return { difference, ...decideVerdict(difference) };
}

describe("the verdict", () => {
  it("is helped when the interval lies above 0", () => {
    // Mean 0.04, deviation 0.01: 0.04 -+ 4.30265 * 0.01 / sqrt(3) = 0.04 -+ 0.024841.
    const { verdict, verdictReason, difference } = on(0.03, 0.04, 0.05);
    expect(difference?.mean).toBeCloseTo(0.04, 12);
    expect(difference?.interval95?.[0]).toBeCloseTo(0.015159, 5);
    expect(difference?.interval95?.[1]).toBeCloseTo(0.064841, 5);
    expect(verdict).toBe("helped");
    expect(verdictReason).toBe("All of the 95% interval over 3 seeds, +1.52 to +6.48 points, lies above 0.");
  });

  it("is harmed when the interval lies below 0", () => {
    const { verdict, verdictReason } = on(-0.03, -0.04, -0.05);
    expect(verdict).toBe("harmed");
    expect(verdictReason).toContain("-6.48 to -1.52 points");
  });

  it("is not shown when all seeds gain but their interval holds 0", () => {
    // 0.02 -+ 0.024841 holds 0.
    const { verdict, verdictReason } = on(0.01, 0.02, 0.03);
    expect(verdict).toBe("not shown");
    expect(verdictReason).toContain("-0.48 to +4.48 points");
  });

  it("is not shown on two seeds that differ, as t is 12.7", () => {
    // 0.05 -+ 12.706 * 0.0141421 / sqrt(2) = 0.05 -+ 0.127.
    expect(on(0.04, 0.06).verdict).toBe("not shown");
  });

  it("is not shown on a single seed, however large the gain", () => {
    const { verdict, verdictReason, difference } = on(0.25);
    expect(verdict).toBe("not shown");
    expect(difference).toEqual({ mean: 0.25, interval95: null, perSeed: [0.25] });
    expect(verdictReason).toContain("One seed gives no interval: the difference of +25.00 points");
  });

  it("is decided by the point that equal differences make", () => {
    // 0.25 and 0.5 are exact in binary, so that both differences are the same number.
    expect(on(0.25, 0.25)).toMatchObject({ verdict: "helped", difference: { interval95: [0.25, 0.25] } });
    expect(on(-0.25, -0.25).verdict).toBe("harmed");
    expect(on(0, 0, 0)).toMatchObject({ verdict: "not shown", difference: { interval95: [0, 0] } });
  });

  it("is not shown without students alone", () => {
    const { verdict, verdictReason, difference } = on();
    expect(difference).toBeNull();
    expect(verdict).toBe("not shown");
    expect(verdictReason).toContain("baseline: false");
  });
});

describe("gapRecovered()", () => {
  it("is the share of the way from alone to the ensemble", () => {
    expect(gapRecovered(0.75, 0.5, 1)).toBe(0.5);
  });

  it("is above 1 where the student beats the ensemble, below 0 where it lost", () => {
    expect(gapRecovered(1, 0.5, 0.75)).toBe(2);
    expect(gapRecovered(0.25, 0.5, 0.75)).toBe(-1);
  });

  it("does not exist where the ensemble is not better than the student alone", () => {
    expect(gapRecovered(0.6, 0.5, 0.5)).toBeNull();
    expect(gapRecovered(0.6, 0.5, 0.4)).toBeNull();
  });
});

describe("retention()", () => {
  it("is student over ensemble, and does not exist for an ensemble that is never right", () => {
    expect(retention(0.5, 0.8)).toBe(0.625);
    expect(retention(0.5, 0)).toBeNull();
  });
});
