import { describe, expect, it } from "vitest";
import { cutShards } from "../../../shared/data/shards.ts";
import { applyView } from "../../../shared/data/views/applyView.ts";
import { rowDraws } from "../../../shared/data/views/draws.ts";
import type { ViewedData } from "../../../shared/data/views/stepRule.ts";
import { symmetricBeta } from "../../../shared/data/views/symmetricBeta.ts";
import { meanOf, tally, viewBy } from "../../helpers/viewedData.ts";

describe("a draw from Beta(alpha, alpha)", () => {
  const drawn = (alpha: number, n: number): number[] => {
    const draws = rowDraws();
    draws.start([1, 2], 0);
    return Array.from({ length: n }, () => symmetricBeta(alpha, draws));
  };

  it.each([0.1, 0.2, 1, 1.5, 4, 100])("of alpha %f has the mean and moments that it should", (alpha) => {
    const n = 40_000;
    const off = drawn(alpha, n).map((x) => x - 0.5);
    // Central moments 2 and 4: 1 / (4 (2a + 1)) and 3 / (16 (2a + 1)(2a + 3)), from those of the beta distribution.
    const second = 1 / (4 * (2 * alpha + 1));
    const fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3));
    expect(Math.abs(meanOf(off))).toBeLessThan(5 * Math.sqrt(second / n));
    expect(Math.abs(meanOf(off.map((x) => x ** 2)) - second)).toBeLessThan(
      5 * Math.sqrt((fourth - second ** 2) / n),
    );
    // The eighth power is at most 1/16 of the fourth.
    expect(Math.abs(meanOf(off.map((x) => x ** 4)) - fourth)).toBeLessThan(5 * Math.sqrt(fourth / 16 / n));
    expect(Math.max(...off.map(Math.abs))).toBeLessThanOrEqual(0.5);
  });

  it("of a tiny alpha is a number, near one of the ends", () => {
    for (const x of drawn(1e-4, 1000)) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(1);
    }
    expect(meanOf(drawn(1e-4, 1000).map((x) => Math.min(x, 1 - x)))).toBeLessThan(0.01);
  });
});

describe("a mixture", () => {
  // Row r holds [1, r], and the samples of the batch are [0, 0], so that a mixture is (1 - lambda) [1, partner].
  const rows = 10;
  const train = [2, 5, 7];
  const data = (bytes: boolean): ViewedData => {
    const values = Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? 1 : Math.floor(i / 2)));
    const inputs = bytes ? Uint8Array.from(values) : Float32Array.from(values);
    return {
      name: "mixed",
      inputShape: [2],
      inputScale: 0.5,
      shards: cutShards({ rows, inputs, inputShape: [2] }),
      splits: {
        train: Uint32Array.from(train),
        validation: Uint32Array.of(0, 1, 3),
        test: Uint32Array.of(4, 6, 8, 9),
      },
    };
  };
  const mixed = (alpha: number, bytes = false, number = 1): { share: number; partner: number }[] => {
    const inputs = new Float32Array(2 * 10);
    const ids = Array.from({ length: 10 }, (_, row) => row);
    applyView(viewBy([{ kind: "mixup", alpha }], { number }), data(bytes), ids, inputs);
    return ids.map((_, i) => {
      const one = inputs[2 * i] as number;
      return { share: 2 * one, partner: (inputs[2 * i + 1] as number) / one };
    });
  };
  const many = (alpha: number) => Array.from({ length: 2000 }, (_, i) => mixed(alpha, false, i + 1)).flat();

  it("has partners of the training split alone, all equally likely", () => {
    const found = many(1);
    const seen = tally(found.filter(({ share }) => share > 1e-3).map(({ partner }) => Math.round(partner)));
    expect([...seen.keys()].sort()).toEqual(train);
    // Each is expected about 6,650 times with a standard deviation of 67.
    for (const count of seen.values()) expect(Math.abs(count / found.length - 1 / 3)).toBeLessThan(0.02);
  });

  it.each([0.2, 1, 4])(
    "of alpha %f has the larger part of the sample, as Beta(alpha, alpha) says",
    (alpha) => {
      const lambdas = many(alpha).map(({ share }) => 1 - share);
      expect(Math.min(...lambdas)).toBeGreaterThanOrEqual(0.5);
      expect(Math.max(...lambdas)).toBeLessThanOrEqual(1);
      // Folding at 1/2 keeps the second moment around it.
      const second = 1 / (4 * (2 * alpha + 1));
      const fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3));
      expect(Math.abs(meanOf(lambdas.map((l) => (l - 0.5) ** 2)) - second)).toBeLessThan(
        5 * Math.sqrt((fourth - second ** 2) / lambdas.length),
      );
    },
  );

  it("reads partners of bytes as those of numbers", () => {
    for (const { share, partner } of [...mixed(4, true), ...mixed(4, false)]) {
      expect(share).toBeLessThanOrEqual(0.5);
      expect(train).toContain(Math.round(partner * 1000) / 1000);
    }
  });
});
