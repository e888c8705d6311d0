import { describe, expect, it } from "vitest";
import { rng } from "../../shared/determinism/rng.ts";
import { storageLoss } from "../../shared/evaluate/storageLoss.ts";
import type { Reading } from "../../shared/labels/reading.ts";
import type { StoredEncoding } from "../../shared/protocol/storedEncoding.ts";
import { describeWithGoldens, goldenMatrix, goldenVector } from "../helpers/golden.ts";

const draws = (row: number) => rng("draws", row);
const uniform: Reading = { temperature: 1, tail: "uniform", undeclared: "refuse" };
const top2: StoredEncoding = { kind: "top-k", k: 2, temperatures: [1, 4] };

describeWithGoldens("what the two largest of six logits lose, on the golden fixture", () => {
  const logits = Float32Array.from(goldenMatrix("topk.teacher_logits").flat());
  const [p] = goldenMatrix("topk.P") as [number[]];
  const lossOf = (reading: Reading) => storageLoss(top2, logits, 6, reading, draws);

  it("is the KL of what is said and the tail spread evenly, either way", () => {
    const [u] = goldenMatrix("topk.residual_uniform target (FKD/TinyViT)") as [number[]];
    const klOf = (a: number[], b: number[]): number =>
      a.reduce((sum, x, c) => sum + x * Math.log(x / (b[c] as number)), 0);
    // Both logits' differences are numbers of half precision; the tail is rounded to float32.
    expect(lossOf(uniform).kl).toBeCloseTo(klOf(p, u), 6);
    expect(lossOf(uniform).reverseKl).toBeCloseTo(klOf(u, p), 6);
  });

  it("is infinite where the tail counts as impossible, and the other way the log of what is kept", () => {
    const { kl, reverseKl } = lossOf({ ...uniform, tail: "renormalised" });
    expect(kl).toBeNull();
    const [kept] = goldenVector("topk.k2.mass") as [number];
    expect(reverseKl).toBeCloseTo(-Math.log(kept), 6);
  });
});

describe("what storing loses", () => {
  const stream = rng("logits");
  const rows = 200;
  const classes = 20;
  const logits = Float32Array.from({ length: rows * classes }, () => 3 * stream.normal());
  const lossOf = (encoding: StoredEncoding, reading: Partial<Reading> = {}) =>
    storageLoss(encoding, logits, classes, { ...uniform, ...reading }, draws);

  it("is nothing in float32, and in top-k of all classes no more than rounding to half", () => {
    expect(lossOf("float32")).toEqual({ kl: 0, reverseKl: 0 });
    expect(lossOf({ kind: "top-k", k: 20, temperatures: [1] }).kl).toBeLessThan(1e-5);
    expect(lossOf("half").kl).toBeLessThan(1e-5);
  });

  it("falls as more is stored", () => {
    const of = (k: number) => lossOf({ kind: "top-k", k, temperatures: [1] }).kl as number;
    const ofDraws = (n: number) => lossOf({ kind: "sampled", draws: n, temperature: 1 }).reverseKl;
    for (const [few, many] of [
      [1, 2],
      [2, 5],
      [5, 19],
    ] as const) {
      expect(of(many)).toBeLessThan(of(few));
      expect(ofDraws(50 * many)).toBeLessThan(ofDraws(50 * few));
    }
  });

  it("is more where a tail is not stored and stands for one of another temperature", () => {
    const stored = lossOf(top2, { temperature: 4 }).kl as number;
    const guessed = lossOf(
      { kind: "top-k", k: 2, temperatures: [1] },
      { temperature: 4, undeclared: "uniform" },
    ).kl as number;
    // Of all tails that are spread evenly, KL(p, .) is least where the tail has p's own probability.
    expect(guessed).toBeGreaterThan(stored);
    expect(() => lossOf({ kind: "top-k", k: 2, temperatures: [1] }, { temperature: 4 })).toThrow(
      /Cannot read top-k labels at temperature 4/,
    );
  });
});
