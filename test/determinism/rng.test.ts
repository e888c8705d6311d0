import { describe, expect, it } from "vitest";
import { rng } from "../../shared/determinism/rng.ts";

const draws = <T>(n: number, draw: () => T): T[] => Array.from({ length: n }, draw);

/** Chi-square of counts against equal shares. */
function chiSquare(counts: readonly number[]): number {
  const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
}
/** A bound that chance alone passes once in a million: about df + 5 sqrt(2 df) + 15. */
const bound = (df: number): number => df + 5 * Math.sqrt(2 * df) + 15;

function histogram(values: readonly number[], bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

describe("a stream of random numbers", () => {
  it("depends on seed and name alone", () => {
    const first = draws(5, rng(7, "mask", 3).uint32);
    expect(draws(5, rng(7, "mask", 3).uint32)).toEqual(first);
    const others = [
      rng(8, "mask", 3),
      rng(7, "mask", 4),
      rng(7, "mask"),
      rng(7, "order", 3),
      rng("7", "mask", 3),
    ];
    for (const other of others) expect(draws(5, other.uint32)).not.toEqual(first);
    // Names are not joined: "a", "bc" is another stream than "ab", "c".
    expect(rng(0, "a", "bc").uint32()).not.toBe(rng(0, "ab", "c").uint32());
  });

  it("has an i-th word, whoever asks for it when", () => {
    const stream = rng(1, "any order");
    const backwards = Array.from({ length: 100 }, (_, i) => stream.at(99 - i)).reverse();
    expect(draws(100, stream.uint32)).toEqual(backwards);
    expect(stream.at(0)).toBe(backwards[0]);
    expect(stream.uint32()).toBe(stream.at(100));
  });

  it("is uniform over its 32 bits, and its neighbours do not go together", () => {
    const stream = rng(3, "uniform");
    const words = draws(65536, stream.uint32);
    for (const shift of [24, 16, 8, 0]) {
      const bytes = words.map((word) => (word >>> shift) & 255);
      expect(chiSquare(histogram(bytes, 256)), `byte at bit ${shift}`).toBeLessThan(bound(255));
    }
    // Pairs of one word's top four bits and the next one's: 256 cells.
    const pairs = words.slice(1).map((word, i) => ((words[i] as number) >>> 28) * 16 + (word >>> 28));
    expect(chiSquare(histogram(pairs, 256))).toBeLessThan(bound(255));
    expect(new Set(words).size).toBeGreaterThan(65536 - 10); // a random function meets itself 0.5 times here
  });

  it("gives uniform numbers from 0, below 1", () => {
    const stream = rng(4, "unit");
    const values = draws(20000, stream.uniform);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / values.length));
    expect(rng(4, "unit").uniform()).toBe(rng(4, "unit").at(0) / 2 ** 32);
  });

  it.each([1, 2, 3, 7, 10, 1000])("gives whole numbers below %i, each as often", (n) => {
    const stream = rng(5, "below", n);
    const values = draws(20000, () => stream.below(n));
    expect(values.every((value) => Number.isInteger(value) && value >= 0 && value < n)).toBe(true);
    expect(chiSquare(histogram(values, n))).toBeLessThan(bound(n - 1));
  });

  it("has no bias where 2^32 is no multiple of the bound", () => {
    // Of the four quarters of all words a plain remainder takes the last to the lowest third, which would get half.
    const n = 3 * 2 ** 30;
    const stream = rng(6, "bias");
    const thirds = draws(9000, () => Math.floor(stream.below(n) / 2 ** 30));
    expect(chiSquare(histogram(thirds, 3))).toBeLessThan(bound(2));
    expect(rng(0, "all").below(2 ** 32)).toBe(rng(0, "all").at(0));
  });

  it.each([0, -1, 1.5, 2 ** 32 + 1, Number.NaN])("refuses to draw below %d", (n) => {
    expect(() => rng(0, "bad").below(n)).toThrow(
      `Cannot draw below ${n}: expected a whole number from 1 to 2^32`,
    );
  });

  it("gives normal numbers of mean 0 and deviation 1, and no infinity", () => {
    const stream = rng(8, "normal");
    const values = draws(20000, stream.normal);
    expect(values.every(Number.isFinite)).toBe(true);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    // Standard errors: 1 / sqrt(n) of the mean, sqrt(2 / n) of the variance.
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(20000));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / 20000));
    // A normal lies within one deviation with probability 0.6827.
    const within = values.filter((value) => Math.abs(value) < 1).length / values.length;
    expect(Math.abs(within - 0.6827)).toBeLessThan(5 * Math.sqrt((0.6827 * 0.3173) / 20000));
  });

  it("shuffles in place to a permutation, each of them as often", () => {
    const array = Uint32Array.from({ length: 1000 }, (_, i) => i);
    expect(rng(9, "shuffle").shuffle(array)).toBe(array);
    expect([...array].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    const counts = new Map<string, number>();
    const stream = rng(10, "permutations");
    for (let i = 0; i < 24000; i++) {
      const order = stream.shuffle([0, 1, 2, 3]).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    expect(chiSquare([...counts.values()])).toBeLessThan(bound(23));
  });
});
