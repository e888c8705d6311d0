import { describe, expect, it } from "vitest";
import { disagreement } from "../../shared/evaluate/disagreement.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber } from "../helpers/golden.ts";

describe("the disagreement of teachers", () => {
  describeWithGoldens("of the golden fixtures", () => {
    it("is what the mean of KLs has more than the KL of the mean", () => {
      const teachers = ["A.teacher", "mt.teacher2", "mt.teacher3"].map((key) =>
        Float32Array.from(goldenMatrix(key).flat()),
      );
      const found = disagreement(teachers, Int32Array.of(2, 0), 3);
      expect(found.mean).toBeCloseTo(
        goldenNumber("mt.check meanKL-KL(mean)= mean H(pbar)-meanH = JS spread"),
        6,
      );
    });
  });

  // In each of two rows one teacher is certain of one class, and the other of the same or of another.
  const certain = (...classes: number[]): Float32Array =>
    Float32Array.from(classes.flatMap((c) => [0, 1, 2].map((other) => (other === c ? 100 : 0))));

  it("is 0 where all say the same, and log K where each is sure of something else", () => {
    const found = disagreement([certain(0, 1), certain(0, 2)], Int32Array.of(0, 1), 3);
    expect(found.perClass[0]).toBeCloseTo(0, 12);
    expect(found.perClass[1]).toBeCloseTo(Math.log(2), 12);
    expect(found.perClass[2]).toBeNull();
    expect(found.mean).toBeCloseTo(Math.log(2) / 2, 12);
  });

  it("counts samples without a known class in the mean alone", () => {
    const found = disagreement([certain(0, 1), certain(0, 2)], Int32Array.of(0, -1), 3);
    expect(found.perClass).toEqual([0, null, null]);
    expect(found.mean).toBeCloseTo(Math.log(2) / 2, 12);
  });
});
