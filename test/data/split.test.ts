import { describe, expect, it } from "vitest";
import { cutLabels, cutShards } from "../../shared/data/shards.ts";
import { type SplitOptions, splitTrain } from "../../shared/data/split.ts";
import { proportionalQuotas } from "../../shared/data/strata.ts";

/** A source of one shard, rows of one byte, with the given labels. */
function options(labels: readonly number[], changes: Partial<SplitOptions> = {}): SplitOptions {
  const inputs = Uint8Array.from(labels, (_, row) => (row * 37) % 251);
  const shards = cutShards({ rows: labels.length, inputs, inputShape: [1] });
  const classes = Math.max(...labels) + 1;
  return { shards, labels: cutLabels(Int32Array.from(labels), shards), classes, validation: 0.1, ...changes };
}

const labelsOf = (sizes: readonly number[]): number[] =>
  sizes.flatMap((n, c) => new Array<number>(n).fill(c));
const countsOf = (ids: Uint32Array, labels: readonly number[], classes: number): number[] =>
  Array.from({ length: classes }, (_, c) => ids.filter((id) => labels[id] === c).length);

describe("train and validation", () => {
  const labels = labelsOf([100, 45, 4, 1]);
  const split = splitTrain(options(labels));

  it("are disjoint, cover the source, and list their ids ascending", () => {
    const all = [...split.train, ...split.validation].sort((a, b) => a - b);
    expect(all).toEqual(labels.map((_, id) => id));
    for (const ids of [split.train, split.validation])
      expect([...ids]).toEqual([...ids].sort((a, b) => a - b));
  });

  it("are stratified: a tenth of each class, halves upwards, and no class is taken whole", () => {
    // 10 of 100; 4.5 of 45 becomes 5; 0.4 of 4 and 0.1 of 1 become 0.
    expect(countsOf(split.validation, labels, 4)).toEqual([10, 5, 0, 0]);
    const most = splitTrain(options(labels, { validation: 0.9 }));
    // 3.6 of 4 would be all 4, and 0.9 of 1 the only one.
    expect(countsOf(most.validation, labels, 4)).toEqual([90, 41, 3, 0]);
  });

  it("are chosen by a sample's id and data, so appended data moves few of them", () => {
    // The same shard followed by another: those of the first keep their keys, and the share of each class stays.
    const { shards, labels: cut } = options(labels);
    const twice = splitTrain({
      ...options(labels),
      shards: [...shards, { hash: "another", rows: 150 }],
      labels: [...cut, ...cut],
    });
    const kept = twice.validation.filter((id) => split.validation.includes(id));
    // By chance alone a tenth of 15 would stay; by key about two thirds do, as new rows push out a few.
    expect(kept.length).toBeGreaterThan(7);
  });
});

describe("`limit` and `labelled`", () => {
  const labels = labelsOf([300, 200, 100]);

  it("take a stratified subset, and a larger one holds a smaller one", () => {
    const small = splitTrain(options(labels, { limit: 60 }));
    const large = splitTrain(options(labels, { limit: 120 }));
    const used = (split: typeof small): Uint32Array => Uint32Array.of(...split.train, ...split.validation);
    expect(countsOf(used(small), labels, 3)).toEqual([30, 20, 10]);
    expect(countsOf(used(large), labels, 3)).toEqual([60, 40, 20]);
    const inLarge = new Set(used(large));
    expect(used(small).every((id) => inLarge.has(id))).toBe(true);
  });

  it("leave so many labels in train, stratified, after validation is taken out", () => {
    const split = splitTrain(options(labels, { labelled: 54 }));
    const hidden = new Set(split.hidden);
    const kept = split.train.filter((id) => !hidden.has(id));
    // Of the 270, 180 and 90 in train.
    expect(countsOf(kept, labels, 3)).toEqual([27, 18, 9]);
    expect(split.hidden.every((id) => split.train.includes(id))).toBe(true);
  });
});

describe("proportionalQuotas()", () => {
  it("gives what is left to the largest fractions", () => {
    // Shares 5.833, 2.5, 1.667: whole parts 5, 2, 1, then one each to the first and the last.
    expect(proportionalQuotas([7, 3, 2], 10)).toEqual([6, 2, 2]);
  });

  it("leaves no class out as long as there is one for each", () => {
    expect(proportionalQuotas([1000, 1, 0, 1], 10)).toEqual([8, 1, 0, 1]);
    expect(proportionalQuotas([1000, 1, 1], 2)).toEqual([2, 0, 0]);
  });
});
