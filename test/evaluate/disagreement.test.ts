import { describe, expect, it } from "vitest";
import { blockDisagreement, disagreement } from "../../shared/evaluate/disagreement.ts";
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

  it("of a row that one of three said nothing of is that of the two others, and of one teacher alone it is none", () => {
    const teachers = [certain(0, 0, 0), certain(1, 1, 1), certain(0, 0, 0)];
    // Row 0: all three, of which two agree: H(2/3, 1/3). Row 1: the first two. Row 2: the first alone.
    const said = (teacher: number, row: number): boolean => row === 0 || teacher < 3 - row;
    const all = Math.log(3) - (2 / 3) * Math.log(2);
    const found = disagreement(teachers, Int32Array.of(0, 1, 2), 3, said);
    expect(found.perClass[0]).toBeCloseTo(all, 12);
    expect(found.perClass[1]).toBeCloseTo(Math.log(2), 12);
    expect(found.perClass[2]).toBeNull();
    expect(found.mean).toBeCloseTo((all + Math.log(2)) / 2, 12);
    const block = blockDisagreement(teachers, 3, 3, said);
    expect(block.samples).toBe(2);
    expect(block.mean).toBeCloseTo((all + Math.log(2)) / 2, 12);
    expect(blockDisagreement(teachers, 3, 3, () => false)).toEqual({ samples: 0, mean: null });
  });
});
