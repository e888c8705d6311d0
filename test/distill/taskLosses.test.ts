import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { rng } from "../../shared/determinism/rng.ts";
import { bernoulliArithmetic, bernoulliGeometric } from "../../shared/distill/ensembles/bernoulliMixture.ts";
import { meanOfValues, medianOfValues } from "../../shared/distill/ensembles/ofValues.ts";
import { bernoulliKl, reverseBernoulliKl } from "../../shared/distill/losses/bernoulliKl.ts";
import { binaryCrossEntropy } from "../../shared/distill/losses/binaryCrossEntropy.ts";
import {
  huber,
  meanSquaredError,
  teacherBounded,
  valueMse,
} from "../../shared/distill/losses/valueErrors.ts";
import { expectClose, expectNoLeak, onEachBackend } from "../helpers/tensors.ts";

const [ROWS, CLASSES] = [5, 3];
const draws = rng("task losses");
const numbers = (deviation: number): number[] =>
  Array.from({ length: ROWS * CLASSES }, () => deviation * draws.normal());
const [z, v, w] = [numbers(2), numbers(2), numbers(2)];
/** Classes that are there (1) or not, and where that is known: two entries and a whole row are not. */
const y = Array.from({ length: ROWS * CLASSES }, () => (draws.uniform() < 0.4 ? 1 : 0));
const known = y.map((_, i) => (i === 1 || i === 8 || i >= 12 ? 0 : 1));
const count = known.reduce<number>((a, b) => a + b, 0);

const matrix = (values: readonly number[]): tf.Tensor2D => tf.tensor2d([...values], [ROWS, CLASSES]);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** KL(Bernoulli(p), Bernoulli(q)) by its definition. */
const kl = (p: number, q: number): number => p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
const sumOver = (of: (i: number) => number): number => z.reduce((sum, _, i) => sum + of(i), 0);
const at = (list: readonly number[], i: number): number => list[i] as number;

function numberOf(compute: () => tf.Tensor): number {
  return expectNoLeak(() => {
    let value = Number.NaN;
    tf.tidy(() => {
      value = compute().dataSync()[0] as number;
    });
    return value;
  });
}

interface Case {
  loss(student: tf.Tensor2D): tf.Scalar;
  /** The same of plain numbers in float64, by definition. */
  of(student: readonly number[]): number;
  /** Where its target is the student itself. */
  zero?: number[];
}
const truths = () => ({ truth: matrix(y), known: matrix(known) });
const smoothed = (e: number, i: number): number => (1 - e) * at(y, i) + e / 2;
const bce = (student: readonly number[], e: number): number =>
  (-CLASSES *
    sumOver((i) => {
      const [t, q] = [smoothed(e, i), sigmoid(at(student, i))];
      return at(known, i) * (t * Math.log(q) + (1 - t) * Math.log(1 - q));
    })) /
  count;
const bound = (student: readonly number[], margin: number): number => {
  let [sum, rows] = [0, 0];
  for (let row = 0; row < ROWS; row++) {
    const of = [0, 1, 2].map((c) => row * CLASSES + c).filter((i) => known[i] === 1);
    if (of.length === 0) continue;
    rows++;
    const error = (list: readonly number[]): number =>
      of.reduce((total, i) => total + (at(list, i) - at(y, i)) ** 2, 0) / of.length;
    if (error(student) + margin > error(v)) sum += error(student);
  }
  return sum / rows;
};

const cases: Record<string, Case> = {
  "binary cross-entropy, of what is known": {
    loss: (s) => binaryCrossEntropy(s, truths().truth, truths().known),
    of: (s) => bce(s, 0),
  },
  "binary cross-entropy with smoothed truth": {
    loss: (s) => binaryCrossEntropy(s, truths().truth, truths().known, 0.2),
    of: (s) => bce(s, 0.2),
  },
  "Bernoulli KL at T = 4": {
    loss: (s) => bernoulliKl(s, matrix(v.map((value) => value / 4)), 4),
    of: (s) => (16 * sumOver((i) => kl(sigmoid(at(v, i) / 4), sigmoid(at(s, i) / 4)))) / ROWS,
    zero: v,
  },
  "reverse Bernoulli KL at T = 2": {
    loss: (s) => reverseBernoulliKl(s, matrix(v.map((value) => value / 2)), 2),
    of: (s) => (4 * sumOver((i) => kl(sigmoid(at(s, i) / 2), sigmoid(at(v, i) / 2)))) / ROWS,
    zero: v,
  },
  "squared error, of what is known": {
    loss: (s) => meanSquaredError(s, truths()),
    of: (s) => sumOver((i) => at(known, i) * (at(s, i) - at(y, i)) ** 2) / count,
    zero: y,
  },
  "Huber's loss": {
    loss: (s) => huber(s, truths(), 1.5),
    of: (s) =>
      sumOver((i) => {
        const e = Math.abs(at(s, i) - at(y, i));
        return at(known, i) * (e <= 1.5 ? (e * e) / 2 : 1.5 * (e - 0.75));
      }) / count,
    zero: y,
  },
  "squared difference from the teachers": {
    loss: (s) => valueMse(s, matrix(v)),
    of: (s) => sumOver((i) => (at(s, i) - at(v, i)) ** 2) / (ROWS * CLASSES),
    zero: v,
  },
  "error bounded by the teachers'": {
    loss: (s) => teacherBounded(s, matrix(v), truths(), 0),
    of: (s) => bound(s, 0),
    zero: y,
  },
  "error bounded by the teachers' with a margin": {
    loss: (s) => teacherBounded(s, matrix(v), truths(), 0.5),
    of: (s) => bound(s, 0.5),
    zero: y,
  },
};

onEachBackend("losses of multi-label and regression", () => {
  describe.each(Object.entries(cases))("%s", (_, { loss, of, zero }) => {
    it("has the value of its definition", () => {
      expectClose(
        numberOf(() => loss(matrix(z))),
        of(z),
        1e-5,
      );
    });

    it("has the gradient of its differences", () => {
      const gradient = expectNoLeak(() => {
        let found: number[] = [];
        tf.tidy(() => {
          found = [
            ...tf
              .grad((s: tf.Tensor) => loss(s as tf.Tensor2D))(matrix(z))
              .dataSync(),
          ];
        });
        return found;
      });
      const h = 1e-5;
      const moved = (i: number, by: number): number =>
        of(z.map((value, j) => (j === i ? value + by : value)));
      const expected = z.map((_, i) => (moved(i, h) - moved(i, -h)) / (2 * h));
      expectClose(gradient, expected, 1e-4, 0.1);
    });

    it("is 0 where the student is what it is to be", () => {
      if (zero) expect(Math.abs(numberOf(() => loss(matrix(zero))))).toBeLessThan(1e-6);
    });
  });

  it("of a batch of which nothing is known is 0, with gradient 0", () => {
    const unknown = () => ({ truth: tf.zeros<tf.Rank.R2>([2, 2]), known: tf.zeros<tf.Rank.R2>([2, 2]) });
    const losses: ((s: tf.Tensor2D) => tf.Scalar)[] = [
      (s) => binaryCrossEntropy(s, unknown().truth, unknown().known),
      (s) => meanSquaredError(s, unknown()),
      (s) => huber(s, unknown(), 1),
      (s) => teacherBounded(s, tf.ones([2, 2]), unknown(), 0),
    ];
    for (const loss of losses) {
      const student = (): tf.Tensor2D => tf.tensor2d([1, -2, 3, 4], [2, 2]);
      expect(numberOf(() => loss(student()))).toBe(0);
      expect(
        numberOf(() =>
          tf
            .grad((s: tf.Tensor) => loss(s as tf.Tensor2D))(student())
            .abs()
            .sum(),
        ),
      ).toBe(0);
    }
  });

  it("binary cross-entropy stays finite for logits of any size: a wrong one of 90 costs 90 nats", () => {
    const wrong = numberOf(() =>
      binaryCrossEntropy(tf.tensor2d([[90]]), tf.tensor2d([[0]]), tf.tensor2d([[1]])),
    );
    expectClose(wrong, 90, 1e-6);
    const right = numberOf(() =>
      binaryCrossEntropy(tf.tensor2d([[90]]), tf.tensor2d([[1]]), tf.tensor2d([[1]])),
    );
    expect(right).toBeLessThan(1e-30);
  });

  it("Bernoulli KL of a pair of classes is KL of the softmax over both, at the difference of their logits", () => {
    // softmax([a, 0]) = (sigmoid(a), 1 - sigmoid(a)): the same two distributions.
    const [a, b] = [1.7, -0.4];
    const pair = numberOf(() => {
      const logP = tf.logSoftmax(tf.tensor2d([[b, 0]]));
      const logQ = tf.logSoftmax(tf.tensor2d([[a, 0]]));
      return logP.exp().mul(logP.sub(logQ)).sum();
    });
    expectClose(
      numberOf(() => bernoulliKl(tf.tensor2d([[a]]), tf.tensor2d([[b]]), 1)),
      pair,
      1e-5,
    );
  });
});

onEachBackend("ensembles of multi-label and regression", () => {
  const said = (lists: readonly number[][], weights: readonly number[]) => ({
    logits: lists.map(matrix),
    weights,
    labels: tf.zeros([ROWS], "int32") as tf.Tensor1D,
    student: matrix(z),
  });
  const valuesOf = (compute: () => tf.Tensor): number[] =>
    expectNoLeak(() => {
      let values: number[] = [];
      tf.tidy(() => {
        values = [...compute().dataSync()];
      });
      return values;
    });
  const lists = [z, v, w];
  const weights = [1, 2, 5];
  const halve = (of: tf.Tensor2D): tf.Tensor2D => of.div(2);

  it("the arithmetic mean has the mean of the probabilities of each class", () => {
    const expected = z.map((_, i) => {
      const p = lists.reduce(
        (sum, list, k) => sum + ((weights[k] as number) / 8) * sigmoid(at(list, i) / 2),
        0,
      );
      return Math.log(p / (1 - p));
    });
    expectClose(
      valuesOf(() => bernoulliArithmetic(said(lists, weights), halve)),
      expected,
      1e-5,
      0.1,
    );
  });

  it("the arithmetic mean keeps what a float32 probability cannot: of two teachers at -60 it is -60", () => {
    const low = z.map(() => -60);
    expectClose(
      valuesOf(() => bernoulliArithmetic(said([low, low], [1, 1]), (of) => of)),
      low,
      1e-6,
    );
  });

  it("the geometric mean, and the mean of values, are weighted sums", () => {
    const mean = (by: number) => (i: number) =>
      lists.reduce((sum, list, k) => sum + ((weights[k] as number) / 8) * (at(list, i) / by), 0);
    expectClose(
      valuesOf(() => bernoulliGeometric(said(lists, weights), halve)),
      z.map((_, i) => mean(2)(i)),
      1e-5,
      0.1,
    );
    expectClose(
      valuesOf(() => meanOfValues(said(lists, weights), halve)),
      z.map((_, i) => mean(1)(i)),
      1e-5,
      0.1,
    );
  });

  it.each([1, 2, 3, 4, 5])("the median of %i teachers is that of the sorted values", (teachers) => {
    const all = Array.from({ length: teachers }, (_, k) =>
      z.map((value, i) => at(lists[k % 3] as number[], i) + k * Math.sin(value)),
    );
    const expected = z.map((_, i) => {
      const sorted = all.map((list) => at(list, i)).sort((a, b) => a - b);
      return (at(sorted, Math.floor((teachers - 1) / 2)) + at(sorted, Math.floor(teachers / 2))) / 2;
    });
    expectClose(
      valuesOf(() =>
        medianOfValues(
          said(
            all,
            all.map(() => 1),
          ),
          (of) => of,
        ),
      ),
      expected,
      1e-5,
      0.1,
    );
  });

  it("weights go to the teachers that said something of a sample", () => {
    const present = () => tf.tensor2d(Array.from({ length: ROWS }, (_, row) => [1, row % 2, 0]));
    const two = (i: number): number => (1 * sigmoid(at(z, i)) + 2 * sigmoid(at(v, i))) / 3;
    const expected = z.map((value, i) => {
      const p = Math.floor(i / CLASSES) % 2 === 1 ? two(i) : sigmoid(value);
      return Math.log(p / (1 - p));
    });
    expectClose(
      valuesOf(() => bernoulliArithmetic({ ...said(lists, weights), present: present() }, (of) => of)),
      expected,
      1e-5,
      0.1,
    );
  });
});
