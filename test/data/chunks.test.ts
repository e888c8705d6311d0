import { describe, expect, it } from "vitest";
import {
  chunkCount,
  chunkOf,
  chunkParts,
  chunkRows,
  inversePermutation,
  partRows,
  shardPermutation,
} from "../../shared/data/chunks.ts";

const sorted = (values: Iterable<number>): number[] => [...values].sort((a, b) => a - b);
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe("the permutation of a shard", () => {
  it("holds every row once, and its inverse says where", () => {
    const permutation = shardPermutation("a", 1000);
    expect(sorted(permutation)).toEqual(range(1000));
    const inverse = inversePermutation("a", 1000);
    expect(range(1000).every((row) => permutation[inverse[row] ?? -1] === row)).toBe(true);
  });

  it("derives from the shard's hash alone", () => {
    const before = [...shardPermutation("a", 100)];
    shardPermutation("a", 50);
    expect([...shardPermutation("a", 100)]).toEqual(before);
    expect([...shardPermutation("b", 100)]).not.toEqual(before);
  });
});

describe("the chunks of a shard", () => {
  it("hold every row once; the last is smaller", () => {
    expect(chunkCount(1000, 300)).toBe(4);
    const chunks = range(4).map((chunk) => chunkRows("a", 1000, 300, chunk));
    expect(chunks.map((rows) => rows.length)).toEqual([300, 300, 300, 100]);
    expect(sorted(chunks.flatMap((rows) => [...rows]))).toEqual(range(1000));
    chunks.forEach((rows, chunk) => {
      for (const row of rows) expect(chunkOf("a", 1000, 300, row)).toBe(chunk);
    });
  });

  it("are refused beyond the last", () => {
    expect(() => chunkRows("a", 1000, 300, 4)).toThrow(/chunk 4: shard a has 4 chunks/);
    expect(() => chunkOf("a", 1000, 300, 1000)).toThrow(/row 1000/);
  });
});

describe("the parts of a chunk", () => {
  it("cover all rows, in order, within the bytes of a message", () => {
    // 512 rows of 2000 bytes: 262 fit into 524,288 bytes.
    expect(chunkParts(512, 2000)).toEqual([
      [0, 262],
      [262, 512],
    ]);
    // 10 classes in half precision: all of them fit.
    expect(chunkParts(512, 20)).toEqual([[0, 512]]);
    expect(chunkParts(5, 10, 20)).toEqual([
      [0, 2],
      [2, 4],
      [4, 5],
    ]);
  });

  it("have at least one row, and a row that fits no message is refused", () => {
    expect(partRows(4, 20, 20)).toBe(1);
    expect(() => partRows(4, 21, 20)).toThrow(
      /labels of 21 bytes a sample into messages of at most 20 bytes/,
    );
  });
});
