import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { confidenceShares } from "../../shared/distill/ensembles/confidence.ts";
import { EnsembleWeights, normaliseWeights } from "../../shared/distill/ensembles/ensemble.ts";
import { entropyShares } from "../../shared/distill/ensembles/entropy.ts";
import { minNormShares } from "../../shared/distill/ensembles/minNorm.ts";
import { bordaPoints } from "../../shared/distill/ensembles/rank.ts";
import { type EnsembleRuleName, ensembleRules } from "../../shared/distill/ensembles/registry.ts";
import { forwardKl } from "../../shared/distill/losses/forwardKl.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber, goldenVector } from "../helpers/golden.ts";
import { expectClose, expectNoLeak, onEachBackend } from "../helpers/tensors.ts";

const goldenTeachers = (): tf.Tensor2D[] =>
  ["A.teacher", "mt.teacher2", "mt.teacher3"].map((key) => tf.tensor2d(goldenMatrix(key)));

interface Beside {
  labels?: number[];
  student?: number[][];
  drawn?: number[][];
}

/** Log-probabilities of the combined target. */
function combined(
  rule: EnsembleRuleName,
  logits: tf.Tensor2D[],
  weights: number[],
  T: number,
  { labels, student, drawn }: Beside = {},
): tf.Tensor2D {
  const [first] = logits as [tf.Tensor2D];
  const said = {
    logits,
    weights,
    labels: tf.tensor1d(labels ?? new Array<number>(first.shape[0]).fill(-1), "int32"),
    student: student ? tf.tensor2d(student) : first,
    drawn: drawn && tf.tensor2d(drawn),
  };
  return ensembleRules[rule](said, (of) => (T === 1 ? of : of.div<tf.Tensor2D>(T)));
}

/** Probabilities of the combined target. */
function probabilities(
  rule: EnsembleRuleName,
  teachers: () => tf.Tensor2D[],
  weights: number[],
  T: number,
  beside?: Beside,
) {
  return valuesOf(() => combined(rule, teachers(), weights, T, beside).exp());
}

function valuesOf(compute: () => tf.Tensor | tf.Tensor[]): number[] {
  return expectNoLeak(() => {
    const out: { values: number[] } = { values: [] };
    tf.tidy(() => {
      const given = compute();
      out.values = (Array.isArray(given) ? given : [given]).flatMap((one) => [...one.dataSync()]);
    });
    return out.values;
  });
}

/** Mixtures of the golden teachers' probabilities at T = 1, by weights [teachers][batch]. */
function mixed(weights: readonly (readonly number[])[]): number[] {
  const softmaxes = ["A.teacher", "mt.teacher2", "mt.teacher3"].map((key) =>
    goldenMatrix(key).map((row) => {
      const e = row.map(Math.exp);
      const sum = e.reduce((a, b) => a + b);
      return e.map((value) => value / sum);
    }),
  );
  return [0, 1].flatMap((row) =>
    [0, 1, 2].map((c) =>
      weights.reduce((sum, of, k) => sum + (of[row] as number) * (softmaxes[k]?.[row]?.[c] as number), 0),
    ),
  );
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
        forwardKl(tf.tensor2d(student), combined(rule, goldenTeachers(), [1, 1, 1], T), T),
      );
      expectClose(value, goldenNumber(key), 1e-5);
    });

    it("entropy weighs teachers as PyTorch does: the surer the more", () => {
      const expected = goldenMatrix("ebkd.weights normalised");
      expectClose(
        valuesOf(() => entropyShares(goldenTeachers())),
        expected.flat(),
        1e-5,
      );
      expectClose(probabilities("entropy", goldenTeachers, [1, 1, 1], 1), mixed(expected), 1e-5);
    });

    it("ca-mkd weighs teachers as PyTorch does: the better they know the true class the more", () => {
      const labels = goldenVector("A.labels");
      const expected = goldenMatrix("camkd.weights(KxB)");
      const shares = (): tf.Tensor[] => confidenceShares(goldenTeachers(), tf.tensor1d(labels, "int32"));
      expectClose(valuesOf(shares), expected.flat(), 1e-5);
      expectClose(probabilities("ca-mkd", goldenTeachers, [1, 1, 1], 1, { labels }), mixed(expected), 1e-5);
    });

    it("ca-mkd counts all teachers alike on samples without a label", () => {
      const p = probabilities("ca-mkd", goldenTeachers, [1, 1, 1], 1, { labels: [-1, -1] });
      expectClose(p, goldenMatrix("mt.arith_prob"), 1e-5);
    });

    it("ae-kd finds the shortest combination of two teachers' gradients, as PyTorch does", () => {
      const student = goldenMatrix("A.student");
      // The gradient of T^2 KL at T = 1 is (q - p) / batch; a factor of all changes no weight.
      const gradients = (): tf.Tensor[] =>
        goldenTeachers()
          .slice(0, 2)
          .map((v) => tf.softmax(tf.tensor2d(student)).sub(tf.softmax(v)).div(2).reshape([-1]));
      const shares = valuesOf(() => minNormShares(gradients(), 1));
      expectClose(
        shares,
        [
          goldenNumber("mgda.2teachers lambda1 (min-norm)"),
          1 - goldenNumber("mgda.2teachers lambda1 (min-norm)"),
        ],
        1e-5,
      );
      const norm = valuesOf(() => {
        const [a, b] = gradients() as [tf.Tensor, tf.Tensor];
        return a
          .mul(shares[0] as number)
          .add(b.mul(shares[1] as number))
          .norm();
      });
      expectClose(norm, [goldenNumber("mgda.min_norm")], 1e-5);
      const two = (): tf.Tensor2D[] => goldenTeachers().slice(0, 2);
      expectClose(
        probabilities("ae-kd", two, [1, 1], 1, { student }),
        mixed([
          [shares[0] as number, shares[0] as number],
          [shares[1] as number, shares[1] as number],
        ]),
        1e-5,
      );
    });

    it("vote is the share of first choices", () => {
      expectClose(
        probabilities("vote", goldenTeachers, [1, 1, 1], 1),
        goldenMatrix("vote.majority distribution"),
        1e-4,
      );
    });

    it("rank is the share of Borda's points", () => {
      const scores = goldenMatrix("borda scores (C-1 top)");
      const points = valuesOf(() =>
        goldenTeachers()
          .map(bordaPoints)
          .reduce((sum, one) => sum.add<tf.Tensor2D>(one)),
      );
      // Two classes of the third teacher tie, which numpy's sort decides by their order: each has half a point here.
      const tied = scores.map((row) => row.slice());
      (tied[0] as number[])[0] = (scores[0]?.[0] as number) + 0.5;
      (tied[0] as number[])[1] = (scores[0]?.[1] as number) - 0.5;
      expectClose(points, tied, 1e-5);
      const shares = tied.flatMap((row) => row.map((one) => one / row.reduce((a, b) => a + b)));
      expectClose(probabilities("rank", goldenTeachers, [1, 1, 1], 1), shares, 1e-5);
    });

    it("a missing teacher's weight goes to those present", () => {
      const [first, , third] = [0, 1, 2];
      const present = (): tf.Tensor2D[] =>
        [first, third].map((k) => goldenTeachers()[k as number] as tf.Tensor2D);
      const p = probabilities("arithmetic", present, [0.5, 0.2], 1);
      expectClose(p, goldenMatrix("mt.quorum w=[.5,-,.2] renorm prob"), 1e-5);
    });
  });

  it("ae-kd's weights are the best that there are within their bounds, for three teachers", () => {
    const gradients = [
      [1, 0.2, -0.3],
      [-0.5, 1, 0.4],
      [0.3, -0.6, 1.2],
    ];
    for (const largest of [1, 0.6, 0.4]) {
      const shares = valuesOf(() =>
        minNormShares(
          gradients.map((g) => tf.tensor1d(g)),
          largest,
        ),
      );
      expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      for (const share of shares) expect(share).toBeLessThanOrEqual(largest + 1e-6);
      const normOf = (weights: readonly number[]): number =>
        Math.hypot(
          ...[0, 1, 2].map((c) =>
            gradients.reduce((sum, g, k) => sum + (g[c] as number) * (weights[k] as number), 0),
          ),
        );
      // A grid over all weights that are allowed finds nothing shorter.
      let best = Number.POSITIVE_INFINITY;
      for (let a = 0; a <= 400; a++) {
        for (let b = 0; a + b <= 400; b++) {
          const weights = [a / 400, b / 400, (400 - a - b) / 400];
          if (Math.max(...weights) <= largest + 1e-9) best = Math.min(best, normOf(weights));
        }
      }
      expect(normOf(shares)).toBeLessThanOrEqual(best + 1e-5);
    }
  });

  it("random is the teacher that was drawn, at its temperature", () => {
    const teachers = (): tf.Tensor2D[] => [tf.tensor2d([[2, 1, 4]]), tf.tensor2d([[0, 3, 1]])];
    const p = probabilities("random", teachers, [1, 1], 2, { drawn: [[0, 1]] });
    const e = [Math.exp(0), Math.exp(1.5), Math.exp(0.5)];
    const sum = e.reduce((a, b) => a + b);
    expectClose(
      p,
      e.map((value) => value / sum),
      1e-6,
    );
  });

  it("ae-kd lets no gradient reach the student through its weights", () => {
    const teachers = (): tf.Tensor2D[] => [tf.tensor2d([[2, 1, 4]]), tf.tensor2d([[0, 3, 1]])];
    const gradient = valuesOf(() => {
      const logits = teachers();
      const labels = tf.tensor1d([-1], "int32");
      return tf.grad((z) =>
        ensembleRules["ae-kd"](
          { logits, weights: [1, 1], labels, student: z as tf.Tensor2D },
          (of) => of,
        ).sum(),
      )(tf.tensor2d([[1, 0, 2]]));
    });
    expect(gradient).toEqual([0, 0, 0]);
  });

  it.each<EnsembleRuleName>(["arithmetic", "geometric", "entropy", "ca-mkd", "ae-kd"])(
    "%s of one teacher is that teacher",
    (rule) => {
      const logits = [[2, 1, 4]];
      const p = probabilities(rule, () => [tf.tensor2d(logits)], [3], 2);
      const e = [Math.exp(1), Math.exp(0.5), Math.exp(2)];
      const sum = e.reduce((a, b) => a + b);
      expectClose(
        p,
        e.map((value) => value / sum),
        1e-6,
      );
    },
  );

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
