import { describe, expect, it } from "vitest";
import { accuracy, correctness, perClassAccuracy } from "../../shared/evaluate/accuracy.ts";
import { agreement } from "../../shared/evaluate/agreement.ts";
import { expectedCalibrationError } from "../../shared/evaluate/calibration.ts";
import { evaluateLogits } from "../../shared/evaluate/evaluateLogits.ts";
import { logitAgreement } from "../../shared/evaluate/logitAgreement.ts";
import { logSoftmax, topClasses } from "../../shared/evaluate/softmax.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber, goldenVector } from "../helpers/golden.ts";

describeWithGoldens("on golden fixture B", () => {
  const student = Float32Array.from(goldenMatrix("B.student").flat());
  const teacher = Float32Array.from(goldenMatrix("B.teacher").flat());
  const labels = Int32Array.from(goldenVector("B.labels"));
  // The fixture's logits are rounded to float32 here: relative error 6e-8.
  const digits = 6;

  it("student and teacher have the golden accuracies", () => {
    const found = [student, teacher].map((logits) => evaluateLogits(logits, labels, 3).accuracy);
    expect(found).toEqual(goldenVector("metric.acc student,teacher(B)"));
  });

  it("NLL, Brier score, KL and agreement of the student are the golden ones", () => {
    const found = evaluateLogits(student, labels, 3, teacher);
    expect(found.nll).toBeCloseTo(goldenNumber("metric.nll(B)"), digits);
    expect(found.brier).toBeCloseTo(goldenNumber("metric.brier sum-over-classes(B)"), digits);
    expect(found.klToEnsemble).toBeCloseTo(goldenNumber("metric.KL_to_teacher.T1(fixture B)"), digits);
    expect(found.agreementWithEnsemble).toBe(goldenNumber("metric.agreement.top1(fixture B)"));
  });

  it("the calibration error over 10 bins is the golden one", () => {
    const found = expectedCalibrationError(logSoftmax(student, 3), labels, 3, 10);
    expect(found).toBeCloseTo(goldenNumber("metric.ECE10(B student)"), digits);
  });
});

describe("accuracy", () => {
  const predicted = Int32Array.of(0, 1, 1, 2);
  const labels = Int32Array.of(0, 1, 2, 2);

  it("is the share of right predictions, overall and by class", () => {
    expect([...correctness(predicted, labels)]).toEqual([1, 1, 0, 1]);
    expect(accuracy(predicted, labels)).toBe(0.75);
    expect(perClassAccuracy(predicted, labels, 3)).toEqual([1, 1, 0.5]);
  });

  it("of a class without samples is null, not 0", () => {
    expect(perClassAccuracy(predicted, labels, 4)[3]).toBeNull();
  });

  it("counts the lowest class among equal logits", () => {
    expect([...topClasses(Float32Array.of(1, 3, 3, 2, 2, 2), 3)]).toEqual([1, 0]);
  });
});

describe("agreement", () => {
  it("tells right answers that were followed from errors that were copied", () => {
    // The reference is right on rows 0, 1 (followed on 0) and wrong on 2, 3, 4 (followed on 2, 3).
    const found = agreement(
      Int32Array.of(0, 0, 2, 0, 1),
      Int32Array.of(0, 1, 2, 0, 0),
      Int32Array.of(0, 1, 1, 1, 1),
    );
    expect(found).toEqual({ overall: 3 / 5, whereRight: 1 / 2, whereWrong: 2 / 3 });
  });

  it("with a reference that is never wrong has no share of copied errors", () => {
    const same = Int32Array.of(0, 1);
    expect(agreement(same, same, same)).toEqual({ overall: 1, whereRight: 1, whereWrong: null });
  });
});

describe("expectedCalibrationError()", () => {
  const logs = (...probabilities: number[]) => Float64Array.from(probabilities, Math.log);

  it("weighs each bin's gap between accuracy and confidence by its rows", () => {
    // Bin (0.6, 0.8]: confidences 0.7, 0.75, one of two right: |1 - 1.45| / 4. Bin (0.8, 1]: 0.9 right, 0.95 wrong:
    // |1 - 1.85| / 4. Together (0.45 + 0.85) / 4 = 0.325.
    const found = expectedCalibrationError(
      logs(0.7, 0.3, 0.25, 0.75, 0.9, 0.1, 0.05, 0.95),
      Int32Array.of(0, 0, 0, 0),
      2,
      5,
    );
    expect(found).toBeCloseTo(0.325, 12);
  });

  it("puts a confidence on an edge into the bin below it", () => {
    // Both 0.5 (right) and 0.4 (wrong) lie in (0, 0.5] of two bins: |1 - 0.9| / 2. In separate bins: (0.5 + 0.4) / 2.
    const found = expectedCalibrationError(logs(0.5, 0.3, 0.2, 0.4, 0.3, 0.3), Int32Array.of(0, 1), 3, 2);
    expect(found).toBeCloseTo(0.05, 12);
  });
});

describe("evaluateLogits()", () => {
  const labels = Int32Array.of(1, 0);

  it("compares with nothing when no ensemble is given", () => {
    const found = evaluateLogits(Float32Array.of(0, 1, 1, 0), labels, 2);
    expect(found.accuracy).toBe(1);
    expect([found.klToEnsemble, found.agreementWithEnsemble]).toEqual([null, null]);
  });

  it("has a KL of 0 to itself, given as logits or as log-probabilities", () => {
    const logits = Float32Array.of(0, 1, 5, -3);
    expect(evaluateLogits(logits, labels, 2, logits).klToEnsemble).toBe(0);
    const normalised = Float32Array.from(logSoftmax(logits, 2));
    expect(evaluateLogits(logits, labels, 2, normalised).klToEnsemble).toBeCloseTo(0, 7);
  });

  it("takes a reference probability of 0, which adds nothing to the KL", () => {
    // p = (1, 0), q = (1/2, 1/2): KL = log 2 in both rows.
    const reference = Float32Array.of(0, -Infinity, 0, -Infinity);
    const found = evaluateLogits(new Float32Array(4), labels, 2, reference);
    expect(found.klToEnsemble).toBeCloseTo(Math.LN2, 12);
  });

  it("stays finite for logits of a thousand", () => {
    // The label's logit lies 2000 below the other: its negative log-likelihood is 2000.
    expect(evaluateLogits(Float32Array.of(1000, -1000), Int32Array.of(1), 2).nll).toBe(2000);
  });

  it("refuses NaN and names the row, the class and what leads to it", () => {
    const act = () => evaluateLogits(Float32Array.of(0, 1, Number.NaN, 0), labels, 2);
    expect(act).toThrow(/row 1 .* finite: class 0 has NaN.*learning rate/);
  });

  it("refuses a label that is no class, as a hidden label is", () => {
    const act = () => evaluateLogits(new Float32Array(4), Int32Array.of(0, -1), 2);
    expect(act).toThrow(/row 1 .* 0 to 1: it is -1/);
  });

  it("refuses arrays whose lengths do not fit", () => {
    expect(() => evaluateLogits(new Float32Array(5), labels, 2)).toThrow(/multiple of it: it is 5/);
    expect(() => evaluateLogits(new Float32Array(6), labels, 2)).toThrow(/3 predictions .* 2 labels/);
    expect(() => evaluateLogits(new Float32Array(4), labels, 2, new Float32Array(2))).toThrow(/4 and 2/);
  });
});

describe("the agreement of logits", () => {
  it("is that of a derivation by hand", () => {
    const ln = Math.log;
    // Probabilities 3/4 and 1/4 become 1/2 and 1/2; the second sample is the same but for its scale.
    const reference = Float32Array.of(ln(3), 0, 0, 1);
    const found = logitAgreement(reference, Float32Array.of(-0.5, -0.5, 2, 3), 2);
    expect(found.samples).toBe(2);
    // Equal logits are the lowest class.
    expect(found.sameAnswer).toBe(1);
    expect(found.meanKl).toBeCloseTo((0.75 * ln(1.5) + 0.25 * ln(0.5)) / 2, 6);
    expect(found.largestDifference).toBe(2);
    expect(logitAgreement(reference, Float32Array.of(0, 1, 0, 1), 2).sameAnswer).toBe(0.5);
  });
});
