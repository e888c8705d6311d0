import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { MAX_SHARD_ROWS } from "../../shared/data/dataset.ts";
import { cutLabels, cutShards } from "../../shared/data/shards.ts";

const source = (rows: number): { rows: number; inputs: Uint8Array; inputShape: number[] } => ({
  rows,
  inputs: Uint8Array.from({ length: 2 * rows }, (_, i) => (i * 31) % 256),
  inputShape: [2],
});

describe("a source", () => {
  it("is cut into shards of at most 65,536 rows, values in order", () => {
    const shards = cutShards(source(MAX_SHARD_ROWS + 5));
    expect(shards.map((shard) => shard.rows)).toEqual([65_536, 5]);
    expect([...(shards[1]?.inputs ?? [])]).toEqual([
      ...source(MAX_SHARD_ROWS + 5).inputs.slice(2 * MAX_SHARD_ROWS),
    ]);
    const labels = cutLabels(
      Int32Array.from({ length: MAX_SHARD_ROWS + 5 }, (_, i) => i),
      shards,
    );
    expect(labels.map((of) => [of.length, of[0]])).toEqual([
      [65_536, 0],
      [5, 65_536],
    ]);
  });

  it("keeps the hash of its full shards when data is appended", () => {
    const before = cutShards(source(MAX_SHARD_ROWS + 5));
    const after = cutShards(source(MAX_SHARD_ROWS + 9));
    expect(after[0]?.hash).toBe(before[0]?.hash);
    expect(after[1]?.hash).not.toBe(before[1]?.hash);
  });
});

describe("the hash of a shard", () => {
  it("is over type, shape and bytes alone", () => {
    const expected = createHash("sha256")
      .update("uint8 [2]\n")
      .update(source(3).inputs)
      .digest("hex")
      .slice(0, 32);
    expect(cutShards(source(3))[0]?.hash).toBe(expected);
  });

  it("differs for another shape or type of the same bytes", () => {
    const bytes = new Uint8Array(8);
    const hashes = [
      cutShards({ rows: 2, inputs: bytes, inputShape: [4] }),
      cutShards({ rows: 2, inputs: bytes, inputShape: [2, 2, 1] }),
      cutShards({ rows: 2, inputs: new Float32Array(2), inputShape: [1] }),
    ].map(([shard]) => shard?.hash);
    expect(new Set(hashes).size).toBe(3);
  });
});
