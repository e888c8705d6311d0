import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { crossEntropy } from "../../shared/distill/losses/crossEntropy.ts";
import { forwardKl } from "../../shared/distill/losses/forwardKl.ts";
import { distillationLoss } from "../../shared/distill/losses/kd.ts";
import { responseLosses } from "../../shared/distill/losses/registry.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber, goldenVector } from "../helpers/golden.ts";
import { expectClose, expectNoLeak, onEachBackend } from "../helpers/tensors.ts";

const S = (): tf.Tensor2D => tf.tensor2d(goldenMatrix("A.student"));
const V = (): tf.Tensor2D => tf.tensor2d(goldenMatrix("A.teacher"));
const y = (): tf.Tensor1D => tf.tensor1d(goldenVector("A.labels"), "int32");
const logProbs = (logits: tf.Tensor2D, T: number): tf.Tensor2D => tf.logSoftmax(logits.div<tf.Tensor2D>(T));

function lossValue(loss: () => tf.Scalar): number {
  return expectNoLeak(() => {
    const out = { value: Number.NaN };
    tf.tidy(() => {
      out.value = loss().dataSync()[0] as number;
    });
    return out.value;
  });
}

/** Gradient at `student`, targets being made before the gradient begins. */
function gradientAt(student: () => tf.Tensor2D, makeLoss: () => (z: tf.Tensor2D) => tf.Scalar): number[] {
  return expectNoLeak(() => {
    const out: { gradient: number[] } = { gradient: [] };
    tf.tidy(() => {
      const z = student();
      const loss = makeLoss();
      out.gradient = [
        ...tf
          .grad((x) => loss(x as tf.Tensor2D))(z)
          .dataSync(),
      ];
    });
    return out.gradient;
  });
}

onEachBackend("losses", () => {
  describeWithGoldens("on golden fixture A", () => {
    it.each([
      [1, 1e-5],
      [2, 1e-5],
      [4, 1e-5],
      [20, 1e-4],
    ])("forwardKl() equals PyTorch's at T=%d", (T, tolerance) => {
      const value = lossValue(() => forwardKl(S(), logProbs(V(), T), T));
      expectClose(value, goldenNumber(`kd.fwdKL.T2.T${T}`), tolerance);
    });

    it("forwardKl() equals PyTorch's on fixture B too", () => {
      const value = lossValue(() =>
        forwardKl(
          tf.tensor2d(goldenMatrix("B.student")),
          logProbs(tf.tensor2d(goldenMatrix("B.teacher")), 4),
          4,
        ),
      );
      expectClose(value, goldenNumber("kd.fwdKL.T2.T4.fixtureB"), 1e-5);
    });

    it("forwardKl() is 0 when the student equals the target, and so is its gradient", () => {
      expect(Math.abs(lossValue(() => forwardKl(V(), logProbs(V(), 4), 4)))).toBeLessThan(1e-6);
      const gradient = gradientAt(V, () => {
        const target = logProbs(V(), 4);
        return (z) => forwardKl(z, target, 4);
      });
      for (const g of gradient) expect(Math.abs(g)).toBeLessThan(1e-6);
    });

    it("forwardKl() has the gradient T (q - p) / batch, which is PyTorch's", () => {
      const gradient = gradientAt(S, () => {
        const target = logProbs(V(), 4);
        return (z) => forwardKl(z, target, 4);
      });
      const q = goldenMatrix("softmax.student.T4").flat();
      const p = goldenMatrix("softmax.teacher.T4").flat();
      expectClose(
        gradient,
        q.map((value, i) => (4 * (value - (p[i] as number))) / 2),
        1e-5,
        0.1,
      );
      expectClose(gradient, goldenMatrix("kd.grad.student.T4(T2KL)"), 1e-5, 0.1);
    });

    it("crossEntropy() equals PyTorch's", () => {
      expectClose(
        lossValue(() => crossEntropy(S(), y())),
        goldenNumber("ce.hard.student"),
        1e-5,
      );
    });

    it("crossEntropy() averages over the labelled samples alone", () => {
      const [, second] = goldenVector("ce.hard.student.per_sample");
      const value = lossValue(() => crossEntropy(S(), tf.tensor1d([-1, 0], "int32")));
      expectClose(value, second as number, 1e-5);
    });

    it.each([
      [0.9, 4, "kd.total.0.9*T2KL(T4)+0.1*CE"],
      [0.5, 2, "kd.total.0.5/0.5.T2"],
      [1, 4, "kd.fwdKL.T2.T4"],
      [0, 4, "ce.hard.student"],
    ])("distillationLoss() at alpha %d and T=%d equals PyTorch's %s", (alpha, T, key) => {
      const value = lossValue(() =>
        distillationLoss({
          student: S(),
          targetLogProbs: logProbs(V(), T),
          labels: y(),
          temperature: T,
          alpha,
        }),
      );
      expectClose(value, goldenNumber(key), 1e-5);
    });

    it("distillationLoss() has PyTorch's gradient", () => {
      const gradient = gradientAt(S, () => {
        const targetLogProbs = logProbs(V(), 4);
        const labels = y();
        return (student) =>
          responseLosses.kd({ student, targetLogProbs, labels, temperature: 4, alpha: 0.9 });
      });
      expectClose(gradient, goldenMatrix("kd.grad.total.0.9/0.1.T4"), 1e-5, 0.1);
    });

    it("distillationLoss() averages each term over the samples that have it", () => {
      // Row 0 has the only target, row 1 the only label: the terms of the single rows, mixed 0.9 to 0.1.
      const q = goldenMatrix("softmax.student.T4")[0] as number[];
      const p = goldenMatrix("softmax.teacher.T4")[0] as number[];
      const kl = p.reduce((sum, pc, c) => sum + pc * Math.log(pc / (q[c] as number)), 0);
      const ce = goldenVector("ce.hard.student.per_sample")[1] as number;
      const value = lossValue(() =>
        distillationLoss({
          student: S(),
          targetLogProbs: logProbs(V(), 4),
          hasTarget: tf.tensor1d([1, 0]),
          labels: tf.tensor1d([-1, 0], "int32"),
          temperature: 4,
          alpha: 0.9,
        }),
      );
      expectClose(value, 0.9 * 16 * kl + 0.1 * ce, 1e-5);
    });
  });

  describe("where a batch lacks labels or targets", () => {
    const student = (): tf.Tensor2D =>
      tf.tensor2d([
        [1, 2, 3],
        [1, 0.5, -1],
      ]);
    const none = (): tf.Tensor1D => tf.tensor1d([-1, -1], "int32");

    it("crossEntropy() is 0 with gradient 0 when no sample is labelled", () => {
      expect(lossValue(() => crossEntropy(student(), none()))).toBeCloseTo(0, 12);
      const gradient = gradientAt(student, () => {
        const labels = none();
        return (z) => crossEntropy(z, labels);
      });
      for (const g of gradient) expect(Math.abs(g)).toBe(0);
    });

    it("distillationLoss() without labels is alpha times the KL alone", () => {
      const target = (): tf.Tensor2D =>
        logProbs(
          tf.tensor2d([
            [2, 1, 4],
            [0.5, 1.5, -0.5],
          ]),
          4,
        );
      const alone = lossValue(() => forwardKl(student(), target(), 4));
      const mixed = lossValue(() =>
        distillationLoss({
          student: student(),
          targetLogProbs: target(),
          labels: none(),
          temperature: 4,
          alpha: 0.9,
        }),
      );
      expectClose(mixed, 0.9 * alone, 1e-6);
    });

    it("distillationLoss() is 0 with a finite gradient when no sample has a target or a label", () => {
      const make = (): ((z: tf.Tensor2D) => tf.Scalar) => {
        const labels = none();
        const hasTarget = tf.zeros<tf.Rank.R1>([2]);
        const targetLogProbs = tf.zeros<tf.Rank.R2>([2, 3]);
        return (z) =>
          distillationLoss({ student: z, targetLogProbs, hasTarget, labels, temperature: 4, alpha: 0.9 });
      };
      expect(lossValue(() => make()(student()))).toBeCloseTo(0, 12);
      for (const g of gradientAt(student, make)) expect(Math.abs(g)).toBe(0);
    });

    it("forwardKl() stays finite where the target gives a class no probability at all", () => {
      const value = lossValue(() =>
        forwardKl(
          student(),
          logProbs(
            tf.tensor2d([
              [0, 0, 500],
              [0, 500, 0],
            ]),
            1,
          ),
          1,
        ),
      );
      // All mass on one class leaves -log q of it: 0.40760596 and 0.5 + 0.55495692 by softmax of the rows.
      expectClose(value, (0.4076059644 + 1.0549569196) / 2, 1e-5);
    });
  });
});
