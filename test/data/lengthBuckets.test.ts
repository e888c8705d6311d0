import { describe, expect, it } from "vitest";
import {
  bucketBatches,
  bucketOf,
  LongerThanBuckets,
  tokenCount,
  tokenLengths,
} from "../../shared/data/lengthBuckets.ts";
import { cutShards } from "../../shared/data/shards.ts";
import { rng } from "../../shared/determinism/rng.ts";

describe("bucketOf()", () => {
  it("is the smallest bucket that holds the sequence, whatever their order", () => {
    const buckets = [64, 16, 32];
    expect([0, 1, 16, 17, 32, 33, 64].map((length) => bucketOf(length, buckets))).toEqual([
      16, 16, 16, 32, 32, 64, 64,
    ]);
  });

  it("refuses a sequence that is longer than all, naming its length and the largest", () => {
    expect(() => bucketOf(65, [64, 16])).toThrow(LongerThanBuckets);
    expect(() => bucketOf(65, [64, 16])).toThrow("a sequence of 65 tokens as the largest bucket holds 64");
  });
});

describe("bucketBatches()", () => {
  const plan = (lengths: number[], batch: number, buckets: number[]) =>
    bucketBatches((id) => lengths[id] as number, Uint32Array.from(lengths.keys()), batch, buckets).map(
      ({ length, ids }) => [length, ...ids],
    );

  it("gives full batches as they fill, then the rest by bucket", () => {
    expect(plan([9, 2, 3, 10, 4, 12, 1], 2, [4, 16])).toEqual([
      [4, 1, 2],
      [16, 0, 3],
      [4, 4, 6],
      [16, 5],
    ]);
    expect(plan([9, 2, 10], 4, [4, 16])).toEqual([
      [4, 1],
      [16, 0, 2],
    ]);
  });

  it("holds each sample once, in its own bucket, in the order given, at most one batch of a bucket partial", () => {
    const random = rng("buckets");
    const buckets = [8, 24, 64];
    const lengths = new Map(Array.from({ length: 500 }, (_, i) => [i * 7 + 3, random.below(65)]));
    const order = random.shuffle(Uint32Array.from(lengths.keys()));
    const lengthOf = (id: number): number => lengths.get(id) as number;
    const batches = bucketBatches(lengthOf, order, 32, buckets);
    expect(batches.flatMap(({ ids }) => [...ids]).sort((a, b) => a - b)).toEqual([...lengths.keys()]);
    for (const bucket of buckets) {
      const own = batches.filter((each) => each.length === bucket);
      expect(own.flatMap(({ ids }) => [...ids])).toEqual(
        [...order].filter((id) => bucketOf(lengthOf(id), buckets) === bucket),
      );
      expect(own.slice(0, -1).every(({ ids }) => ids.length === 32)).toBe(true);
    }
    expect(bucketBatches(lengthOf, order, 32, buckets)).toEqual(batches);
  });

  it("of nothing is no batch", () => {
    expect(plan([], 4, [8])).toEqual([]);
  });
});

describe("tokenCount()", () => {
  it("counts tokens up to the last that is no zero", () => {
    expect([[], [0, 0], [4, 0, 5, 0]].map(tokenCount)).toEqual([0, 0, 3]);
  });

  it("is taken of each sample by tokenLengths()", () => {
    const rows = [
      [3, 0, 0, 0],
      [5, 6, 7, 0],
      [1, 2, 3, 4],
    ];
    const shards = cutShards({ rows: 3, inputs: Float32Array.from(rows.flat()), inputShape: [4] });
    expect([0, 1, 2].map(tokenLengths({ shards, inputShape: [4] }))).toEqual([1, 3, 4]);
  });
});
