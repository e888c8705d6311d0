import { describe, expect, it } from "vitest";
import { assembleReport } from "../../shared/evaluate/assembleReport.ts";
import { compareReports, pairedP } from "../../shared/evaluate/comparison.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { reportInput, seedResult } from "./reportInput.ts";

/** A run whose students reach these validation accuracies, and as much on test less a point. */
function report(validation: readonly number[], seeds = validation.map((_, i) => i + 1)): Report {
  const { seeds: known } = reportInput();
  const [one] = known;
  if (!one) throw new Error("the input has a seed");
  return assembleReport(
    reportInput({
      seeds: validation.map((accuracy, i) => {
        const student = seedResult(accuracy - 0.01);
        const curve = student.curve.map((point) =>
          point.epoch === student.keptEpoch ? { ...point, validationAccuracy: accuracy } : point,
        );
        return { ...one, seed: seeds[i] as number, student: { ...student, curve } };
      }),
    }),
  );
}

describe("a comparison of runs", () => {
  const base = { name: "as written", report: report([0.9, 0.92, 0.91]) };

  it("chooses the best by validation, and pairs seed by seed", () => {
    const compared = compareReports([
      base,
      { name: "worse", report: report([0.89, 0.92, 0.9]) },
      { name: "better", report: report([0.92, 0.93, 0.94]) },
    ]);
    expect(compared.chosen).toBe(2);
    expect(compared.variants.map(({ validation }) => validation.toFixed(4))).toEqual([
      "0.9100",
      "0.9033",
      "0.9300",
    ]);
    // Differences .02 .01 .03: mean .02, deviation .01; t = .02 sqrt(3) / .01 = 3.4641 with 2 degrees of freedom,
    // for which p = 1 - t / sqrt(t^2 + 2) = 0.0742.
    const better = compared.variants[2];
    expect(better?.difference?.mean).toBeCloseTo(0.02, 12);
    expect(better?.difference?.interval95?.[0]).toBeCloseTo(0.02 - (4.302653 * 0.01) / Math.sqrt(3), 7);
    expect(better?.p).toBeCloseTo(1 - 3.4641016 / Math.sqrt(12 + 2), 6);
    expect(compared.onTest?.mean).toBeCloseTo(0.02, 12);
  });

  it("says nothing of the test split where the first is the best", () => {
    const compared = compareReports([base, { name: "worse", report: report([0.8, 0.8, 0.8]) }]);
    expect(compared.chosen).toBe(0);
    expect(compared.onTest).toBeNull();
    expect(compared.variants[0]).toMatchObject({ difference: null, p: null });
  });

  it("has no p of one seed, or of differences that are all equal", () => {
    const one = { name: "as written", report: report([0.9]) };
    expect(compareReports([one, { name: "b", report: report([0.91]) }]).variants[1]?.p).toBeNull();
    expect(
      compareReports([base, { name: "b", report: report([0.9, 0.92, 0.91]) }]).variants[1]?.p,
    ).toBeNull();
  });

  it("has the p of differences whatever their unit", () => {
    const differences = [2, 1, 3];
    const tiny = differences.map((difference) => difference * 1e-13);
    expect(pairedP(tiny)).toBeCloseTo(pairedP(differences) as number, 9);
    expect(pairedP([2e-13, 2e-13, 2e-13])).toBeNull();
  });

  it("is refused between runs of other seeds", () => {
    const other = { name: "b", report: report([0.9, 0.9, 0.9], [1, 2, 4]) };
    expect(() => compareReports([base, other])).toThrow(
      /its seeds are 1, 2, 4: those of the first are 1, 2, 3/,
    );
  });
});
