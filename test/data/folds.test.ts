import { describe, expect, it } from "vitest";
import { chunkRows } from "../../shared/data/chunks.ts";
import { foldOfRow, outsideFold } from "../../shared/data/folds.ts";

const shard = { hash: "f01d".repeat(8), rows: 1000 };

describe("folds", () => {
  it("hold equal shares of every chunk, whatever its size", () => {
    for (const chunkSize of [50, 125, 512]) {
      const counts = [0, 0, 0, 0, 0];
      for (const row of chunkRows(shard.hash, shard.rows, chunkSize, 0)) {
        const fold = foldOfRow(shard, row, 5);
        counts[fold] = (counts[fold] as number) + 1;
      }
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
  });

  it("leave each sample out of exactly one training", () => {
    const ids = Uint32Array.from({ length: 400 }, (_, i) => 2 * i);
    const seen = new Map<number, number>();
    for (const index of [0, 1, 2]) {
      for (const id of outsideFold([shard], ids, { index, of: 3 })) seen.set(id, (seen.get(id) ?? 0) + 1);
    }
    expect([...seen.keys()].sort((a, b) => a - b)).toEqual([...ids]);
    expect(new Set(seen.values())).toEqual(new Set([2]));
  });
});
