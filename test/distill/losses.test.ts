import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { distillationLoss } from "../../shared/distill/distillationLoss.ts";
import { crossEntropy } from "../../shared/distill/losses/crossEntropy.ts";
import { forwardKl } from "../../shared/distill/losses/forwardKl.ts";
import { plainTermsOf } from "../../shared/distill/termsOf.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber, goldenVector } from "../helpers/golden.ts";
import { expectClose, expectNoLeak, onEachBackend } from "../helpers/tensors.ts";

const S = (): tf.Tensor2D => tf.tensor2d(goldenMatrix("A.student"));
const V = (): tf.Tensor2D => tf.tensor2d(goldenMatrix("A.teacher"));
const y = (): tf.Tensor1D => tf.tensor1d(goldenVector("A.labels"), "int32");
const logProbs = (logits: tf.Tensor2D, T: number): tf.Tensor2D => tf.logSoftmax(logits.div<tf.Tensor2D>(T));

/** KD by the terms that the spec's `loss` stands for. */
function kd(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  labels: tf.Tensor1D,
  temperature: number,
  alpha: number,
): tf.Scalar {
  return distillationLoss(plainTermsOf({ loss: { kind: "kd", temperature, alpha } }), {
    student,
    labels,
    target: (_, temper) => tf.logSoftmax(temper(teacher)),
  });
}

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
      const value = lossValue(() => kd(S(), V(), y(), T, alpha));
      expectClose(value, goldenNumber(key), 1e-5);
    });

    it("distillationLoss() has PyTorch's gradient", () => {
      const gradient = gradientAt(S, () => {
        const [teacher, labels] = [V(), y()];
        return (student) => kd(student, teacher, labels, 4, 0.9);
      });
      expectClose(gradient, goldenMatrix("kd.grad.total.0.9/0.1.T4"), 1e-5, 0.1);
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

    const teacher = (): tf.Tensor2D =>
      tf.tensor2d([
        [2, 1, 4],
        [0.5, 1.5, -0.5],
      ]);

    it("distillationLoss() without labels is alpha times the KL alone", () => {
      const alone = lossValue(() => forwardKl(student(), logProbs(teacher(), 4), 4));
      expectClose(
        lossValue(() => kd(student(), teacher(), none(), 4, 0.9)),
        0.9 * alone,
        1e-6,
      );
    });

    it("distillationLoss() averages the KL over all samples and the cross-entropy over the labelled ones", () => {
      const labels = (): tf.Tensor1D => tf.tensor1d([-1, 0], "int32");
      const soft = lossValue(() => forwardKl(student(), logProbs(teacher(), 4), 4));
      // -log softmax(1, 0.5, -1)[0] = log(1 + e^-0.5 + e^-2) = 0.554957
      expectClose(
        lossValue(() => kd(student(), teacher(), labels(), 4, 0.9)),
        0.9 * soft + 0.1 * 0.554957,
        1e-5,
      );
    });
  });
});
