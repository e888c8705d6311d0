import { describe, expect, it } from "vitest";
import { normalTable } from "../../../shared/data/views/normalTable.ts";
import { changedRows, meanOf, tally } from "../../helpers/viewedData.ts";

describe("a time shift", () => {
  it("moves whole frames, each way equally often, and lets zeros in", () => {
    // Four frames of two bands.
    const seen = tally(
      changedRows({ kind: "time-shift", frames: 2 }, [4, 2], [1, 2, 3, 4, 5, 6, 7, 8], 5000).map((to) =>
        to.join(" "),
      ),
    );
    expect([...seen.keys()].sort()).toEqual([
      "0 0 0 0 1 2 3 4",
      "0 0 1 2 3 4 5 6",
      "1 2 3 4 5 6 7 8",
      "3 4 5 6 7 8 0 0",
      "5 6 7 8 0 0 0 0",
    ]);
    // Each is expected 1,000 times with a standard deviation of 28.
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * 28.3);
  });
});

describe("noise", () => {
  const width = 33; // an odd number, whose last draw has half a word for itself
  const rows = changedRows({ kind: "noise", deviation: 0.5 }, [width], new Array(width).fill(2), 6000);
  const drawn = rows.flatMap((to) => [...to].map((value) => (value - 2) / 0.5));
  const n = drawn.length;

  it("has mean 0, the deviation that was asked for, and the third and fourth moment of a normal", () => {
    // Deviations of the means of x, x^2, x^3, x^4 of n normal draws: sqrt of 1, 2, 15 and 96 over n.
    const moment = (power: number) => meanOf(drawn.map((x) => x ** power));
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  });

  it("of a number tells nothing of the next one, of the next sample or of the last number", () => {
    for (const distance of [1, 2, width]) {
      const products = drawn.slice(distance).map((x, i) => x * (drawn[i] as number));
      expect(Math.abs(meanOf(products))).toBeLessThan(5 * Math.sqrt(1 / products.length));
    }
    const last = rows.map((to) => ((to[width - 1] as number) - 2) / 0.5);
    expect(Math.abs(meanOf(last.map((x) => x * x)) - 1)).toBeLessThan(5 * Math.sqrt(2 / last.length));
  });

  it("is drawn from a table with the known shares below 1, 1.96 and 2.58 deviations", () => {
    const table = normalTable();
    const below = (x: number) => table.filter((value) => value < x).length / table.length;
    // From tables of the normal distribution; an entry is 1/65536 = 0.000015 of the whole.
    expect(below(0)).toBe(0.5);
    expect(below(1)).toBeCloseTo(0.8413447, 4);
    expect(below(1.959964)).toBeCloseTo(0.975, 4);
    expect(below(-2.575829)).toBeCloseTo(0.005, 4);
    // Symmetric, and of variance 1.
    expect(table[0]).toBe(-(table.at(-1) as number));
    expect(meanOf([...table].map((x) => x * x))).toBeCloseTo(1, 7);
  });
});

describe("a gain", () => {
  it("is one factor a sample, evenly spread in decibels between its bounds", () => {
    const rows = changedRows({ kind: "gain", decibels: 6 }, [3], [1, 2, -4], 10_000);
    // Powers of two come through a product exactly.
    expect(rows.filter(([one = 0, two, four]) => two !== 2 * one || four !== -4 * one)).toEqual([]);
    const decibels = rows.map(([one = 0]) => 20 * Math.log10(one));
    expect(Math.min(...decibels)).toBeGreaterThan(-6 - 1e-5);
    expect(Math.max(...decibels)).toBeLessThan(6 + 1e-5);
    // The deviation of an even spread over 12 is 12 / sqrt(12) = 3.46; its mean square is 12.
    expect(Math.abs(meanOf(decibels))).toBeLessThan(5 * 0.0346);
    expect(Math.abs(meanOf(decibels.map((d) => d * d)) - 12)).toBeLessThan(5 * 0.108);
  });
});

describe("masks of a spectrogram", () => {
  const [time, bands] = [10, 6];
  const ones = new Array<number>(time * bands).fill(1);
  const masked = (step: object) =>
    changedRows({ kind: "spec-augment", bands: 0, frames: 0, ...step }, [time, bands, 1], ones, 8000).map(
      (to) => {
        const at = (t: number, band: number) => to[t * bands + band] === 0;
        const all = (length: number) => Array.from({ length }, (_, i) => i);
        return {
          zeros: to.filter((value) => value === 0).length,
          bands: all(bands).filter((band) => all(time).every((t) => at(t, band))),
          frames: all(time).filter((t) => all(bands).every((band) => at(t, band))),
        };
      },
    );
  const follow = (list: readonly number[]) => list.every((value, i) => value === (list[0] as number) + i);

  it("take 0 to the most bands, which follow each other, over all of the time", () => {
    const found = masked({ bands: 3 });
    expect(found.filter(({ bands: gone, zeros }) => zeros !== gone.length * time || !follow(gone))).toEqual(
      [],
    );
    const seen = tally(found.map(({ bands: gone }) => gone.length));
    // Each of 0 to 3 is expected 2,000 times with a standard deviation of 38.7.
    expect([...seen.keys()].sort()).toEqual([0, 1, 2, 3]);
    for (const count of seen.values()) expect(Math.abs(count - 2000)).toBeLessThan(5 * 38.7);
    // A mask of 3 has 4 places, and the first band is in one of them.
    const three = found.filter(({ bands: gone }) => gone.length === 3);
    const first = three.filter(({ bands: [start] }) => start === 0).length / three.length;
    expect(Math.abs(first - 0.25)).toBeLessThan(5 * Math.sqrt(0.1875 / three.length));
  });

  it("take stretches of time over all bands, up to the whole", () => {
    const found = masked({ frames: 10 });
    expect(found.filter(({ frames: gone, zeros }) => zeros !== gone.length * bands || !follow(gone))).toEqual(
      [],
    );
    // 0 to 10, equally likely: mean 5, deviation sqrt(10).
    const lengths = found.map(({ frames: gone }) => gone.length);
    expect(Math.abs(meanOf(lengths) - 5)).toBeLessThan(5 * Math.sqrt(10 / 8000));
    expect(new Set(lengths).size).toBe(11);
  });

  it("may be several", () => {
    const found = masked({ bands: 1, bandMasks: 2, frames: 1, frameMasks: 3 });
    expect(Math.max(...found.map(({ bands: gone }) => gone.length))).toBe(2);
    expect(Math.max(...found.map(({ frames: gone }) => gone.length))).toBe(3);
  });
});
