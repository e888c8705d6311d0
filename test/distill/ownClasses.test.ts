import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { bridge } from "../../shared/distill/ensembles/bridge.ts";
import { geometric } from "../../shared/distill/ensembles/geometric.ts";
import { bridged, type KnownClasses } from "../../shared/distill/ensembles/known.ts";
import { forwardKl } from "../../shared/distill/losses/forwardKl.ts";
import { ownClassesKl } from "../../shared/distill/losses/ownClasses.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber, goldenVector } from "../helpers/golden.ts";
import { expectClose, onEachBackend, valuesOf } from "../helpers/tensors.ts";

/** What stands in labels at a class that is not known. */
const NO = -65504;

interface Part {
  logits: number[][];
  known: KnownClasses;
  weight?: number;
}

const lossOf =
  (parts: readonly Part[], T: number) =>
  (student: tf.Tensor): tf.Scalar =>
    ownClassesKl(
      student as tf.Tensor2D,
      parts.map(({ logits, known, weight = 1 / parts.length }) => ({
        logits: tf.tensor2d(logits).div<tf.Tensor2D>(T),
        known,
        share: weight,
      })),
      T,
    );

function joined(parts: readonly Part[], T = 1): number[] {
  return valuesOf(() => {
    const logits = parts.map((part) => tf.tensor2d(part.logits));
    const [student] = logits as [tf.Tensor2D];
    return bridge(
      {
        logits,
        weights: parts.map(({ weight = 1 }) => weight),
        known: parts.map(({ known }) => known),
        labels: tf.fill([student.shape[0]], -1, "int32"),
        student,
      },
      (of) => of.div<tf.Tensor2D>(T),
    ).exp();
  });
}

const softmax = (z: readonly number[]): number[] => {
  const e = z.map(Math.exp);
  const sum = e.reduce((a, b) => a + b);
  return e.map((one) => one / sum);
};

onEachBackend("teachers that know a part of the classes", () => {
  describeWithGoldens("of the golden fixtures", () => {
    const parts: Part[] = [
      { logits: [[2, 0, NO]], known: [0, 1] },
      { logits: [[NO, 1, 3]], known: [1, 2] },
    ];

    it("each compared with the student on its own classes lose what PyTorch says", () => {
      const student = goldenMatrix("A.student").slice(0, 1);
      const seen = valuesOf(() => lossOf(parts, 1)(tf.tensor2d(student)));
      // The golden value is the sum of both, here each has half the weight.
      const key = "subset.conditional-KL loss KL(Ta||S|{0,1})+KL(Tb||S|{1,2})";
      expectClose(seen, [goldenNumber(key) / 2], 1e-5);
    });

    it("joined through the class that they share are what PyTorch says", () => {
      expectClose(joined(parts), goldenVector("subset.bridge class1 shared: union prob"), 1e-5);
    });
  });

  const whole: Part[] = [
    {
      logits: [
        [2, 1, 4, 0],
        [0, 3, 1, 1],
      ],
      known: null,
      weight: 0.7,
    },
    {
      logits: [
        [1, 3, 2, 2],
        [2, 0, -1, 1],
      ],
      known: [0, 1, 2, 3],
      weight: 0.3,
    },
  ];
  const student = [
    [1, 0, 2, 1],
    [0, 1, 0, 2],
  ];
  const gradientOf = (loss: (z: tf.Tensor) => tf.Scalar): number[] =>
    valuesOf(() => tf.grad(loss)(tf.tensor2d(student)));

  it("have the gradient of the KL to the mean of probabilities where they know all", () => {
    const T = 2;
    const mean = [0, 1].map((row) => {
      const [a, b] = whole.map(({ logits }) => softmax((logits[row] as number[]).map((v) => v / T)));
      return (a as number[]).map((p, c) => 0.7 * p + 0.3 * (b?.[c] as number));
    });
    const toMean = (z: tf.Tensor): tf.Scalar => forwardKl(z as tf.Tensor2D, tf.log(tf.tensor2d(mean)), T);
    expectClose(gradientOf(lossOf(whole, T)), gradientOf(toMean), 1e-4);
  });

  const parts: Part[] = [
    {
      logits: [
        [2, 1, NO, NO],
        [0, 3, NO, NO],
      ],
      known: [0, 1],
      weight: 0.6,
    },
    {
      logits: [
        [NO, 3, 2, 2],
        [NO, 0, -1, 1],
      ],
      known: [1, 2, 3],
      weight: 0.4,
    },
  ];

  it("say nothing of classes that they do not know: the gradient there is that of the others", () => {
    const gradient = gradientOf(lossOf(parts, 1));
    const [zero] = student as [number[]];
    const q = softmax(zero.slice(0, 2));
    const p = softmax([2, 1]);
    // Class 0 is the first teacher's alone: w (q - p) / batch.
    expectClose([gradient[0] as number], [(0.6 * ((q[0] as number) - (p[0] as number))) / 2], 1e-5);
    const [q1, p1] = [softmax(zero.slice(1)), softmax([3, 2, 2])];
    expectClose([gradient[2] as number], [(0.4 * ((q1[1] as number) - (p1[1] as number))) / 2], 1e-5);
  });

  it("have a gradient that agrees with differences, at a temperature", () => {
    const loss = lossOf(parts, 3);
    const gradient = gradientOf(loss);
    const at = (change: number, i: number): number => {
      const z = student.flat();
      z[i] = (z[i] as number) + change;
      return valuesOf(() => loss(tf.tensor2d(z, [2, 4])))[0] as number;
    };
    gradient.forEach((value, i) => {
      const difference = (at(0.05, i) - at(-0.05, i)) / 0.1;
      expect(Math.abs(value - difference)).toBeLessThan(2e-3);
    });
  });

  it("lose 0 where the student says what each says of its own classes, and learn all that hangs together", () => {
    // Teacher a: 2, 1 on classes 0, 1; teacher b: 3, 2, 2 on 1, 2, 3. Both at once: 2, 1, 0, 0.
    const agreeing = valuesOf(() =>
      lossOf(
        parts,
        1,
      )(
        tf.tensor2d([
          [2, 1, 0, 0],
          [-1, 2, 1, 3],
        ]),
      ),
    );
    expectClose(agreeing, [0], 1e-5);
    expectClose(joined(parts).slice(0, 4), softmax([2, 1, 0, 0]), 1e-5);
    expectClose(joined(parts).slice(4), softmax([-1, 2, 1, 3]), 1e-5);
  });

  it("that know all are joined to their geometric mean, at every temperature", () => {
    const T = 3;
    const seen = joined(whole, T);
    const expected = valuesOf(() => {
      const logits = whole.map((one) => tf.tensor2d(one.logits));
      const [first] = logits as [tf.Tensor2D];
      const labels = tf.fill([2], -1, "int32") as tf.Tensor1D;
      return geometric({ logits, weights: [0.7, 0.3], labels, student: first }, (of) => of.div(T)).exp();
    });
    expectClose(seen, expected, 1e-5);
  });

  it("that contradict each other on shared classes are joined by least squares", () => {
    // On classes 0 and 1 by 1 against 3: with weights 3 and 1 the difference is (3 * 1 + 1 * 3) / 4 = 1.5.
    const [p] = [
      joined([
        { logits: [[1, 0, 5]], known: null, weight: 3 },
        { logits: [[3, 0, NO]], known: [0, 1], weight: 1 },
      ]),
    ];
    expect(Math.log((p?.[0] as number) / (p?.[1] as number))).toBeCloseTo(1.5, 4);
  });

  it("give a class that nobody knows no probability, and three of them are joined in a chain", () => {
    const chain = joined([
      { logits: [[0, 1, NO, NO, NO]], known: [0, 1] },
      { logits: [[NO, NO, 7, 6, NO]], known: [2, 3] },
      { logits: [[NO, 4, 4.5, NO, NO]], known: [1, 2] },
    ]);
    // From class 1: 0 is 1 below, 2 is 0.5 above, 3 is 1 below 2.
    expectClose(chain.slice(0, 4), softmax([0, 1, 1.5, 0.5]), 1e-5);
    expect(chain[4]).toBe(0);
  });
});

describe("sets of classes hang together", () => {
  it("where there is a way from each to each over shared classes", () => {
    expect(
      bridged([
        [0, 1],
        [2, 3],
        [1, 2],
      ]),
    ).toBe(true);
    expect(
      bridged([
        [0, 1],
        [2, 3],
      ]),
    ).toBe(false);
    expect(bridged([[0, 1], [2, 3], null])).toBe(true);
    expect(bridged([])).toBe(true);
  });
});
