import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { DistillSpec } from "../../shared/config/distillSpec.ts";
import { distillationLoss } from "../../shared/distill/distillationLoss.ts";
import { type EnsembleRuleName, ensembleRules } from "../../shared/distill/ensembles/registry.ts";
import { dist } from "../../shared/distill/losses/dist.ts";
import { plainTermsOf } from "../../shared/distill/termsOf.ts";
import { describeWithGoldens, goldenMatrix } from "../helpers/golden.ts";
import { expectClose, onEachBackend, valuesOf } from "../helpers/tensors.ts";

// Joining teachers through shared classes needs them all, and is refused with a quorum.
const rules = (Object.keys(ensembleRules) as EnsembleRuleName[]).filter(
  (rule) => rule !== "bridge" && rule !== "own-classes",
);

const teachers = [
  [
    [2, 1, 4, 0],
    [0, 3, 1, 1],
    [1, 1, 2, 5],
    [2, 2, 0, 1],
  ],
  [
    [1, 3, 2, 2],
    [2, 0, -1, 1],
    [0, 4, 1, 1],
    [3, 1, 1, 0],
  ],
  [
    [0, 0, 1, 2],
    [-1, 2, 0, 3],
    [2, 2, 2, 0],
    [0, 1, 5, 1],
  ],
];
const labels = [2, 1, -1, 0];
const student = [
  [1, 0, 2, 1],
  [0, 1, 0, 2],
  [3, 1, 0, 1],
  [0, 0, 1, 0],
];
const weights = [0.5, 0.3, 0.2];

interface Asked {
  rule: EnsembleRuleName;
  of?: readonly number[];
  rows?: readonly number[];
  present?: number[][];
  drawn?: number[][];
  T?: number;
}

/** Probabilities of the target that some of the teachers make on some of the rows. */
function probabilities({
  rule,
  of = [0, 1, 2],
  rows = [0, 1, 2, 3],
  present,
  drawn,
  T = 2,
}: Asked): number[] {
  const pick = (matrix: readonly number[][]): tf.Tensor2D =>
    tf.tensor2d(rows.map((row) => matrix[row] as number[]));
  return valuesOf(() =>
    ensembleRules[rule](
      {
        logits: of.map((k) => pick(teachers[k] as number[][])),
        weights: of.map((k) => weights[k] as number),
        labels: tf.tensor1d(
          rows.map((row) => labels[row] as number),
          "int32",
        ),
        student: pick(student),
        present: present && tf.tensor2d(present),
        drawn: drawn && tf.tensor2d(drawn),
      },
      (logits) => logits.div<tf.Tensor2D>(T),
    ).exp(),
  );
}

onEachBackend("targets of which some are missing", () => {
  describeWithGoldens("of three golden teachers", () => {
    const golden = (): tf.Tensor2D[] =>
      ["A.teacher", "mt.teacher2", "mt.teacher3"].map((key) => tf.tensor2d(goldenMatrix(key)));
    const combined = (own: number[], present: () => tf.Tensor2D): number[] =>
      valuesOf(() => {
        const logits = golden();
        const said = { logits, weights: own, labels: tf.tensor1d([-1, -1], "int32"), present: present() };
        return ensembleRules.arithmetic({ ...said, student: logits[0] as tf.Tensor2D }, (of) => of).exp();
      });

    it("the mean is over those that are present, sample by sample, as in PyTorch", () => {
      // The golden mask is [teachers, batch].
      const present = (): tf.Tensor2D => tf.tensor2d(goldenMatrix("quorum.mask(KxB)")).transpose();
      expectClose(combined([1, 1, 1], present), goldenMatrix("quorum.masked_arith_prob"), 1e-5);
    });

    it("their weights are made a sum of 1, as in numpy", () => {
      const present = (): tf.Tensor2D =>
        tf.tensor2d([
          [1, 0, 1],
          [1, 0, 1],
        ]);
      const seen = combined([0.5, 0.3, 0.2], present);
      expectClose(seen, goldenMatrix("mt.quorum w=[.5,-,.2] renorm prob"), 1e-5);
    });
  });

  describe.each(rules.filter((rule) => rule !== "random" && rule !== "ae-kd"))("by %s", (rule) => {
    it("are what those who are present make without the others", () => {
      const present = [
        [1, 0, 1],
        [1, 1, 1],
        [0, 1, 1],
        [0, 1, 0],
      ];
      const seen = probabilities({ rule, present });
      present.forEach((there, row) => {
        const of = [0, 1, 2].filter((k) => there[k] === 1);
        // One teacher alone is combined with itself, which a rule that compares teachers leaves as it is.
        const twice = rule === "entropy" || rule === "ca-mkd" ? "arithmetic" : rule;
        const alone = probabilities({ rule: of.length === 1 ? twice : rule, of, rows: [row] });
        expectClose(seen.slice(4 * row, 4 * row + 4), alone, 2e-5);
      });
    });

    it("are finite where nobody is present", () => {
      for (const value of probabilities({
        rule,
        present: [
          [1, 1, 1],
          [0, 0, 0],
          [1, 0, 0],
          [0, 0, 0],
        ],
      })) {
        expect(Number.isFinite(value)).toBe(true);
      }
    });

    it("with all present are what they are without the question", () => {
      const all = [0, 1, 2, 3].map(() => [1, 1, 1]);
      expectClose(probabilities({ rule, present: all }), probabilities({ rule }), 2e-5);
    });
  });

  it("by ae-kd have the weights of the samples that all have answered, made a sum of 1 over those present", () => {
    // Rows 1 and 2 are whole: their weights, from the rule on these alone, mix every row.
    const whole = probabilities({ rule: "ae-kd", rows: [1, 2] });
    const present = [
      [1, 0, 1],
      [1, 1, 1],
      [1, 1, 1],
      [0, 1, 0],
    ];
    const seen = probabilities({ rule: "ae-kd", present });
    expectClose(seen.slice(4, 12), whole, 1e-4);
    expectClose(seen.slice(12, 16), probabilities({ rule: "arithmetic", of: [1], rows: [3] }), 1e-4);
    // Row 0 is a mixture of teachers 0 and 2: each class lies between the two.
    const [a, b] = [0, 2].map((k) => probabilities({ rule: "arithmetic", of: [k], rows: [0] }));
    seen.slice(0, 4).forEach((p, c) => {
      expect(p).toBeGreaterThanOrEqual(Math.min(a?.[c] as number, b?.[c] as number) - 1e-5);
      expect(p).toBeLessThanOrEqual(Math.max(a?.[c] as number, b?.[c] as number) + 1e-5);
    });
    expect(seen.slice(0, 4).reduce((sum, p) => sum + p)).toBeCloseTo(1, 5);
  });

  it("by random are the teacher that was drawn for each sample", () => {
    const drawn = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [1, 0, 0],
    ];
    const seen = probabilities({ rule: "random", drawn, T: 1 });
    [0, 1, 2, 0].forEach((k, row) => {
      const alone = probabilities({ rule: "arithmetic", of: [k], rows: [row], T: 1 });
      expectClose(seen.slice(4 * row, 4 * row + 4), alone, 1e-5);
    });
  });
});

/** log softmax, in float64. */
function logSoftmax(logits: readonly number[], T = 1): number[] {
  const sum = Math.log(logits.reduce((total, z) => total + Math.exp(z / T), 0));
  return logits.map((z) => z / T - sum);
}
const kl = (teacher: readonly number[], of: readonly number[], T: number): number => {
  const [logP, logQ] = [logSoftmax(teacher, T), logSoftmax(of, T)];
  return T * T * logP.reduce((sum, log, c) => sum + Math.exp(log) * (log - (logQ[c] as number)), 0);
};
const ce = (of: readonly number[], label: number): number => -(logSoftmax(of)[label] as number);

/**
 * A batch of every kind: row 0 has label and target, row 1 a label alone, row 2 a target alone, row 3 neither, and row 4
 * both again. The target is the first teacher's.
 */
const batch = {
  student: [...student, [1, 2, 0, 0]],
  teacher: [...(teachers[0] as number[][]), [0, 1, 3, 0]],
  labels: [2, 1, -1, -1, 3],
  targeted: [1, 0, 1, 0, 1],
};

function lossOf(distill: object, labelsWeight: number | undefined, scheduled?: number[]) {
  const terms = plainTermsOf(DistillSpec.parse(distill));
  return (z: tf.Tensor2D): tf.Scalar =>
    distillationLoss(terms, {
      student: z,
      labels: tf.tensor1d(batch.labels, "int32"),
      target: (_, temper) => tf.logSoftmax(temper(tf.tensor2d(batch.teacher))),
      missing: { targeted: () => tf.tensor1d(batch.targeted), labelsWeight },
      ...(scheduled && { weight: (place: number) => tf.fill([5], scheduled[place] as number) }),
    });
}
const lossAt = (...args: Parameters<typeof lossOf>): number =>
  valuesOf(() => lossOf(...args)(tf.tensor2d(batch.student)))[0] as number;

const row = (i: number) => ({
  z: batch.student[i] as number[],
  v: batch.teacher[i] as number[],
  y: batch.labels[i] as number,
});
const klMean = (T: number): number => [0, 2, 4].reduce((sum, i) => sum + kl(row(i).v, row(i).z, T), 0) / 3;
const ceOf = (i: number): number => ce(row(i).z, row(i).y);

onEachBackend("the loss of a batch in which targets and labels are missing", () => {
  it("mixes the mean KL of those with a target and the mean cross-entropy of the labelled, whose weight is 1 without a target", () => {
    const expected = 0.9 * klMean(4) + (0.1 * ceOf(0) + 1 * ceOf(1) + 0.1 * ceOf(4)) / 3;
    expectClose([lossAt({ loss: { kind: "kd" } }, 1)], [expected], 1e-5);
  });

  it("has cross-entropy where the spec has none, for samples without a target", () => {
    const expected = klMean(4) + ceOf(1) / 3;
    expectClose([lossAt({ loss: { kind: "kd", alpha: 1 } }, 1)], [expected], 1e-5);
  });

  const terms = [
    { kind: "kl", temperature: 2, weight: 0.5 },
    { kind: "logit-mse", weight: 0.25 },
    { kind: "cross-entropy", weight: 0.2 },
    { kind: "virtual-teacher", weight: 3, temperature: 1, confidence: 0.9, softening: "principled" },
  ];
  const mse = ({ z, v }: ReturnType<typeof row>): number => {
    const d = z.map((value, c) => value - (v[c] as number));
    const mean = d.reduce((a, b) => a + b) / 4;
    return d.reduce((sum, one) => sum + (one - mean) ** 2, 0) / 4;
  };
  /** KL of 0.9 on the label and 0.1 / 3 on each other class. */
  const virtual = (i: number): number => {
    const u = [0, 1, 2, 3].map((c) => Math.log(c === row(i).y ? 0.9 : 0.1 / 3));
    return kl(u, row(i).z, 1);
  };
  const mseMean = [0, 2, 4].reduce((sum, i) => sum + mse(row(i)), 0) / 3;
  const virtualMean = [0, 1, 4].reduce((sum, i) => sum + virtual(i), 0) / 3;

  it("gives a list of terms the weights of its targets and labels together there", () => {
    // 0.5 + 0.25 + 0.2: the virtual teacher needs no target, and goes on for all that are labelled.
    const expected =
      0.5 * klMean(2) +
      0.25 * mseMean +
      (0.2 * ceOf(0) + 0.95 * ceOf(1) + 0.2 * ceOf(4)) / 3 +
      3 * virtualMean;
    expectClose([lossAt({ terms }, undefined)], [expected], 1e-5);
  });

  it("weighs by confidence among those with both, and has cross-entropy for a label alone", () => {
    const sure = (i: number): number => Math.exp(Math.max(...logSoftmax(row(i).v)));
    const both = (sure(0) * ceOf(0) + sure(4) * ceOf(4)) / (sure(0) + sure(4));
    const weighted = [{ kind: "confidence-weighted", weight: 2 }];
    expectClose([lossAt({ terms: weighted }, undefined)], [2 * both + (2 * ceOf(1)) / 3], 1e-5);
  });

  it("takes them as they are at the step", () => {
    const at = [0.1, 0.2, 0.3, 0.4];
    const expected =
      0.1 * klMean(2) +
      0.2 * mseMean +
      (0.3 * ceOf(0) + 0.6 * ceOf(1) + 0.3 * ceOf(4)) / 3 +
      0.4 * virtualMean;
    expectClose([lossAt({ terms }, undefined, at)], [expected], 1e-5);
  });

  const losses = [
    { kind: "kd" },
    { kind: "reverse-kl" },
    { kind: "jsd" },
    { kind: "logit-mse" },
    { kind: "dkd" },
    { kind: "dist" },
    { kind: "standardised" },
    { kind: "teacher-labels" },
  ];

  it.each(losses)(
    "has no gradient for a sample with neither, and that of cross-entropy for a label alone: %j",
    (loss) => {
      const gradient = valuesOf(() =>
        tf.grad((z) => lossOf({ loss }, 1)(z as tf.Tensor2D))(tf.tensor2d(batch.student)),
      );
      // 0 or -0.
      expect(gradient.slice(12, 16).map(Math.abs)).toEqual([0, 0, 0, 0]);
      const q = logSoftmax(row(1).z).map(Math.exp);
      expectClose(
        gradient.slice(4, 8),
        q.map((p, c) => (p - (c === row(1).y ? 1 : 0)) / 3),
        1e-4,
      );
      expect(gradient.slice(8, 12).some((value) => Math.abs(value) > 1e-4)).toBe(loss.kind !== "dkd");
    },
  );

  it.each(losses)("does not depend on what stands where a target is missing: %j", (loss) => {
    const before = lossAt({ loss }, 1);
    const kept = batch.teacher.map((values) => values.slice());
    batch.teacher[1] = [9, -9, 0, 3];
    batch.teacher[3] = [0, 0, 0, 0];
    const after = lossAt({ loss }, 1);
    batch.teacher.splice(0, 5, ...kept);
    expectClose([after], [before], 1e-6);
  });

  it("is 0, with no gradient, where no sample has a target or a label", () => {
    for (const loss of losses) {
      const nothing = (z: tf.Tensor): tf.Scalar =>
        distillationLoss(plainTermsOf(DistillSpec.parse({ loss })), {
          student: z as tf.Tensor2D,
          labels: tf.fill([5], -1, "int32"),
          target: (_, temper) => tf.logSoftmax(temper(tf.tensor2d(batch.teacher))),
          missing: { targeted: () => tf.zeros([5]), labelsWeight: 1 },
        });
      const seen = valuesOf(() => {
        const z = tf.tensor2d(batch.student);
        return tf.concat([nothing(z).expandDims(0), tf.grad(nothing)(z).reshape([-1])]);
      });
      for (const value of seen) expect(Math.abs(value), loss.kind).toBe(0);
    }
  });

  it("dist over the rows with a target is dist of these rows alone", () => {
    const some = [0, 2, 4];
    const pick = (of: number[][]): tf.Tensor2D => tf.tensor2d(some.map((i) => of[i] as number[]));
    const T = 2;
    const seen = valuesOf(() => {
      const target = tf.logSoftmax(tf.tensor2d(batch.teacher).div<tf.Tensor2D>(T));
      return dist(tf.tensor2d(batch.student), target, T, { beta: 1, gamma: 2 }, tf.tensor1d(batch.targeted));
    });
    const alone = valuesOf(() =>
      dist(pick(batch.student), tf.logSoftmax(pick(batch.teacher).div<tf.Tensor2D>(T)), T, {
        beta: 1,
        gamma: 2,
      }),
    );
    expectClose(seen, alone, 1e-5);
  });
});
