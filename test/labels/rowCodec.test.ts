import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UnusableLogits } from "../../shared/labels/encoding.ts";
import { LabelStoreReader } from "../../shared/labels/labelStoreReader.ts";
import { LabelStoreWriter } from "../../shared/labels/labelStoreWriter.ts";
import { encodeRows, firstUnusableOf } from "../../shared/labels/rowCodec.ts";
import { type RowLayout, rowBytes, rowWidth } from "../../shared/labels/rowLayout.ts";

const half = { stored: "half", tail: "uniform", undeclared: "refuse" } as const;
const layout: RowLayout = {
  encoding: "half",
  classes: 3,
  features: [
    { name: "late", of: "pool_2", tensor: [2, 1], order: "nhwc", form: "values", pool: null, shape: [2, 1] },
    { name: "pairs", of: "conv_1", tensor: [9], order: "nhwc", form: "gram", pool: null, shape: [4] },
  ],
};
// Rows of 3 logits, 2 numbers and 4 products, all of which half precision holds, but for the first product.
const rows = [
  [1, -2, 0.5, 7, -8, 100_000, 2, 3, 4],
  [3, 4, 5, 0.25, 0, 6, 7, 8, 9],
];
const values = Float32Array.from(rows.flat());

describe("a row of labels with features", () => {
  it("holds logits and features in half precision, and products in full", () => {
    expect(rowWidth(layout)).toBe(9);
    expect(rowBytes(layout)).toBe(3 * 2 + 2 * 2 + 4 * 4);
    expect(encodeRows(layout, values, "chunk 0").byteLength).toBe(2 * 26);
  });

  it("is read back number by number", () => {
    const folder = mkdtempSync(join(tmpdir(), "stillhouse-rows-"));
    const writer = new LabelStoreWriter(folder);
    const reader = new LabelStoreReader(writer.path, {
      encodings: [half, half],
      classes: 3,
      features: [[], layout.features],
      chunkSize: 4,
      cacheBytes: 1000,
    });
    try {
      const payload = encodeRows(layout, values, "chunk 1");
      reader.add(writer.append({ teacher: 1, view: 0, shard: 0, chunk: 1, from: 0, rows: 2 }, payload));
      const [logits, late, pairs] = [new Float32Array(6), new Float32Array(4), new Float32Array(8)];
      for (const [out, place] of [
        [0, 5],
        [1, 4],
      ] as const) {
        reader.read(1, 0, place, logits, out);
        reader.readFeature(1, 0, 0, place, late, out);
        reader.readFeature(1, 1, 0, place, pairs, out);
      }
      const [first = [], second = []] = rows;
      expect([...logits]).toEqual([...second.slice(0, 3), ...first.slice(0, 3)]);
      expect([...late]).toEqual([...second.slice(3, 5), ...first.slice(3, 5)]);
      expect([...pairs]).toEqual([...second.slice(5), ...first.slice(5)]);
    } finally {
      reader.close();
      writer.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("is refused where a number is not finite or beyond half precision, by name", () => {
    const wrong = (place: number, value: number): Float32Array => {
      const changed = values.slice();
      changed[place] = value;
      return changed;
    };
    expect(() => encodeRows(layout, wrong(13, 70_000), "chunk 0")).toThrow(UnusableLogits);
    expect(() => encodeRows(layout, wrong(13, 70_000), "chunk 0")).toThrow(
      /row 1 of late holds 70000 at place 1: expected a finite number within ±65504/,
    );
    expect(() => encodeRows(layout, wrong(8, Number.NaN), "chunk 0")).toThrow(
      /row 0 of pairs holds NaN at place 3/,
    );
    const payload = encodeRows(layout, values, "chunk 0");
    expect(firstUnusableOf(layout, payload)).toBeUndefined();
    // The third of the products in the second row: after 26 bytes, 10 of logits and features, and 8.
    new DataView(payload.buffer).setFloat32(26 + 10 + 8, Number.POSITIVE_INFINITY, true);
    expect(firstUnusableOf(layout, payload)).toBe('row 1 feature "pairs" number 2 is not finite');
  });
});
