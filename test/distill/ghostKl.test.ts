import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { rng } from "../../shared/determinism/rng.ts";
import { forwardKlRows } from "../../shared/distill/losses/forwardKl.ts";
import { ghostKlRows } from "../../shared/distill/losses/ghostKl.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber } from "../helpers/golden.ts";
import { expectClose, onEachBackend, valuesOf } from "../helpers/tensors.ts";

const ROWS = 4;
const CLASSES = 6;
const K = 2;

/** Logits, and a mask of the K largest of each row. */
function drawn(name: string): { logits: number[][]; mask: number[][] } {
  const stream = rng("ghost", name);
  const logits = Array.from({ length: ROWS }, () =>
    Array.from({ length: CLASSES }, () => 2 * stream.normal()),
  );
  const mask = logits.map((row) => {
    const least = [...row].sort((a, b) => b - a)[K - 1] as number;
    return row.map((value) => (value >= least ? 1 : 0));
  });
  return { logits, mask };
}
const teacher = drawn("teacher");
const student = drawn("student").logits;
const target = (T: number): tf.Tensor2D => tf.logSoftmax(tf.tensor2d(teacher.logits).div<tf.Tensor2D>(T));
const stored = (): tf.Tensor2D => tf.tensor2d(teacher.mask);

/** The definition, in float64. */
function byHand(z: readonly number[], v: readonly number[], mask: readonly number[], T: number): number {
  const softmax = (of: readonly number[]): number[] => {
    const exps = of.map((x) => Math.exp(x / T));
    const sum = exps.reduce((a, b) => a + b);
    return exps.map((x) => x / sum);
  };
  const [p, q] = [softmax(v), softmax(z)];
  const ofTail = (of: readonly number[]): number =>
    of.reduce((sum, x, c) => (mask[c] === 1 ? sum : sum + x), 0);
  const top = p.reduce((sum, x, c) => (mask[c] === 1 ? sum + x * Math.log(x / (q[c] as number)) : sum), 0);
  return T * T * (top + ofTail(p) * Math.log(ofTail(p) / ofTail(q)));
}

onEachBackend("KL with a ghost outcome", () => {
  describeWithGoldens("on the golden fixture", () => {
    it("equals PyTorch's, and DistillKit's by its name there", () => {
      const value = valuesOf(() => {
        const said = tf.logSoftmax(tf.tensor2d(goldenMatrix("topk.teacher_logits")));
        const mask = tf.tensor2d([[1, 1, 0, 0, 0, 0]]);
        return ghostKlRows(tf.tensor2d(goldenMatrix("topk.student_logits")), said, mask, 1);
      });
      expectClose(value, [goldenNumber("topk.ghost_token KL (DistillKit SYMMETRIC_UNIFORM)")], 1e-5);
    });
  });

  it.each([1, 4])("is its definition at T = %d", (T) => {
    const values = valuesOf(() => ghostKlRows(tf.tensor2d(student), target(T), stored(), T));
    const expected = student.map((row, i) =>
      byHand(row, teacher.logits[i] as number[], teacher.mask[i] as number[], T),
    );
    expectClose(values, expected, 1e-4);
  });

  it("has the gradient T (q_c - p_c) at stored classes, and T q_c (1 - p_t / q_t) at the others", () => {
    const T = 2;
    const gradient = valuesOf(() =>
      tf.grad((z) => ghostKlRows(z as tf.Tensor2D, target(T), stored(), T).sum())(tf.tensor2d(student)),
    );
    const expected = student.flatMap((row, i) => {
      const mask = teacher.mask[i] as number[];
      const exps = (of: readonly number[]): number[] => of.map((x) => Math.exp(x / T));
      const share = (of: number[]): number[] => of.map((x) => x / of.reduce((a, b) => a + b));
      const [p, q] = [share(exps(teacher.logits[i] as number[])), share(exps(row))];
      const tail = (of: number[]): number => of.reduce((s, x, c) => (mask[c] === 1 ? s : s + x), 0);
      return q.map((x, c) => (mask[c] === 1 ? T * (x - (p[c] as number)) : T * x * (1 - tail(p) / tail(q))));
    });
    expectClose(gradient, expected, 1e-4);
  });

  it("is 0 where the student equals the teacher on what is stored, whatever it says of the others", () => {
    const shuffled = teacher.logits.map((row, i) => {
      // The classes of the tail change places.
      const tail = row.flatMap((_, c) => (teacher.mask[i]?.[c] === 1 ? [] : [c]));
      const moved = [...row];
      tail.forEach((c, j) => {
        moved[c] = row[tail[(j + 1) % tail.length] as number] as number;
      });
      return moved;
    });
    const values = valuesOf(() => ghostKlRows(tf.tensor2d(shuffled), target(3), stored(), 3));
    for (const value of values) expect(Math.abs(value)).toBeLessThan(1e-5);
    const whole = valuesOf(() => forwardKlRows(tf.tensor2d(shuffled), target(3), 3));
    for (const value of whole) expect(value).toBeGreaterThan(1e-3);
  });

  it("is forward KL where all classes are stored, and never more where some are not", () => {
    const whole = valuesOf(() => forwardKlRows(tf.tensor2d(student), target(1), 1));
    expectClose(
      valuesOf(() => ghostKlRows(tf.tensor2d(student), target(1), tf.ones([ROWS, CLASSES]), 1)),
      whole,
      1e-5,
    );
    const some = valuesOf(() => ghostKlRows(tf.tensor2d(student), target(1), stored(), 1));
    some.forEach((value, i) => {
      expect(value).toBeLessThanOrEqual((whole[i] as number) + 1e-6);
    });
  });

  it("leaves no tensor but its value", () => {
    const given = [tf.tensor2d(student), target(1), stored()] as const;
    const before = tf.memory().numTensors;
    const value = ghostKlRows(...given, 1);
    expect(tf.memory().numTensors).toBe(before + 1);
    tf.dispose([...given, value]);
  });
});

describe("a tail that holds nothing", () => {
  it("gives a finite loss with a finite gradient", () => {
    const said = tf.tensor2d([[0, -1e4, -1e4, -1e4]]);
    const mask = tf.tensor2d([[1, 0, 0, 0]]);
    const z = tf.tensor2d([[1, 2, 3, 4]]);
    const [value] = valuesOf(() => ghostKlRows(z, said, mask, 1));
    // -log q_0
    expectClose([value as number], [Math.log(1 + Math.E + Math.E ** 2 + Math.E ** 3)], 1e-5);
    const gradient = valuesOf(() => tf.grad((x) => ghostKlRows(x as tf.Tensor2D, said, mask, 1).sum())(z));
    expect(gradient.every(Number.isFinite)).toBe(true);
    tf.dispose([said, mask, z]);
  });
});
