import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { EnsembleWeights, normaliseWeights } from "../../shared/distill/ensembles/ensemble.ts";
import { type EnsembleRuleName, ensembleRules } from "../../shared/distill/ensembles/registry.ts";
import { forwardKl } from "../../shared/distill/losses/forwardKl.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber } from "../helpers/golden.ts";
import { expectClose, expectNoLeak, onEachBackend } from "../helpers/tensors.ts";

const goldenTeachers = (): tf.Tensor2D[] =>
  ["A.teacher", "mt.teacher2", "mt.teacher3"].map((key) => tf.tensor2d(goldenMatrix(key)));

/** Probabilities of the combined target. */
function probabilities(rule: EnsembleRuleName, teachers: () => tf.Tensor2D[], weights: number[], T: number) {
  return expectNoLeak(() => {
    const out: { p: number[] } = { p: [] };
    tf.tidy(() => {
      out.p = [...ensembleRules[rule](teachers(), weights, T).exp().dataSync()];
    });
    return out.p;
  });
}

function scalar(fn: () => tf.Scalar): number {
  const out = { value: Number.NaN };
  tf.tidy(() => {
    out.value = fn().dataSync()[0] as number;
  });
  return out.value;
}

onEachBackend("ensembles", () => {
  describeWithGoldens("of three golden teachers", () => {
    it.each<[EnsembleRuleName, number[], string]>([
      ["arithmetic", [1, 1, 1], "mt.arith_prob"],
      ["arithmetic", [0.5, 0.3, 0.2], "mt.arith w=[.5,.3,.2] prob"],
      ["arithmetic", [5, 3, 2], "mt.arith w=[.5,.3,.2] prob"],
      ["geometric", [1, 1, 1], "mt.geometric(log-linear)"],
      ["geometric", [0.5, 0.3, 0.2], "mt.geo w=[.5,.3,.2] prob"],
      ["geometric", [5, 3, 2], "mt.geo w=[.5,.3,.2] prob"],
    ])("%s with weights %s equals PyTorch's %s", (rule, weights, key) => {
      expectClose(probabilities(rule, goldenTeachers, weights, 1), goldenMatrix(key), 1e-5);
    });

    it.each<[EnsembleRuleName, number, string]>([
      ["arithmetic", 1, "mt.KL(arith||S).T1"],
      ["geometric", 1, "mt.KL(geo||S).T1"],
      ["arithmetic", 4, "mt.T2KL(arith T4||S)"],
    ])("the student's KL to the %s target at T=%d equals PyTorch's", (rule, T, key) => {
      const student = goldenMatrix("A.student");
      const value = scalar(() =>
        forwardKl(tf.tensor2d(student), ensembleRules[rule](goldenTeachers(), [1, 1, 1], T), T),
      );
      expectClose(value, goldenNumber(key), 1e-5);
    });

    it("a missing teacher's weight goes to those present", () => {
      const [first, , third] = [0, 1, 2];
      const present = (): tf.Tensor2D[] =>
        [first, third].map((k) => goldenTeachers()[k as number] as tf.Tensor2D);
      const p = probabilities("arithmetic", present, [0.5, 0.2], 1);
      expectClose(p, goldenMatrix("mt.quorum w=[.5,-,.2] renorm prob"), 1e-5);
    });
  });

  it.each<EnsembleRuleName>(["arithmetic", "geometric"])("%s of one teacher is that teacher", (rule) => {
    const logits = [[2, 1, 4]];
    const p = probabilities(rule, () => [tf.tensor2d(logits)], [3], 2);
    const e = [Math.exp(1), Math.exp(0.5), Math.exp(2)];
    const sum = e.reduce((a, b) => a + b);
    expectClose(
      p,
      e.map((value) => value / sum),
      1e-6,
    );
  });

  it("arithmetic stays finite where one teacher gives a class no probability and another gives it all", () => {
    const teachers = (): tf.Tensor2D[] => [tf.tensor2d([[500, 0]]), tf.tensor2d([[0, 500]])];
    expectClose(probabilities("arithmetic", teachers, [1, 3], 1), [0.25, 0.75], 1e-6);
  });
});

describe("normaliseWeights()", () => {
  it("keeps the ratios and gives a sum of 1", () => {
    expect(normaliseWeights([1, 3], 2)).toEqual([0.25, 0.75]);
  });

  it.each([
    [[1], 2],
    [[], 0],
    [[1, 0], 2],
    [[1, Number.NaN], 2],
  ])("refuses weights %s for %d teachers", (weights, teachers) => {
    expect(() => normaliseWeights(weights, teachers)).toThrow(EnsembleWeights);
  });
});
