import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeLogits } from "../../shared/labels/encoding.ts";
import { LabelStoreReader } from "../../shared/labels/labelStoreReader.ts";
import { LabelStoreWriter } from "../../shared/labels/labelStoreWriter.ts";

const classes = 3;
const half = { stored: "half", tail: "uniform", undeclared: "refuse" } as const;
const encodings = Array.from({ length: 6 }, () => half);
const chunkSize = 8;
/** What teacher `t` says of place `p` of shard `s`: any number that names them all. */
const logit = (t: number, s: number, p: number, c: number): number => 1000 * t + 300 * s + 3 * p + c;
/** Each chunk has the parts [0, 5) and [5, 8). */
const parts = [0, 1].flatMap((teacher) =>
  [0, 1].flatMap((shard) =>
    [0, 1, 2].flatMap((chunk) =>
      [
        [0, 5],
        [5, 8],
      ].map(([from = 0, to = 0]) => ({ teacher, view: 0, shard, chunk, from, rows: to - from })),
    ),
  ),
);
const payloadOf = ({ teacher, shard, chunk, from, rows }: (typeof parts)[number]): Uint8Array =>
  encodeLogits(
    "half",
    Float32Array.from({ length: rows * classes }, (_, i) =>
      logit(teacher, shard, chunk * chunkSize + from + Math.floor(i / classes), i % classes),
    ),
    classes,
    "it",
  );

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stillhouse-store-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function filled(cacheBytes: number): { writer: LabelStoreWriter; reader: LabelStoreReader } {
  const writer = new LabelStoreWriter(folder);
  const reader = new LabelStoreReader(writer.path, { encodings, classes, chunkSize, cacheBytes });
  // Not in their order, as teachers answer when they will.
  for (const part of [...parts].reverse()) reader.add(writer.append(part, payloadOf(part)));
  return { writer, reader };
}

describe("the store of labels", () => {
  it.each([
    ["that holds all", 1e6],
    ["of one part", 30],
    ["of nothing", 1],
  ])("gives each sample its labels, in any order, with a memory %s", (_, cacheBytes) => {
    const { writer, reader } = filled(cacheBytes);
    const out = new Float32Array(2 * classes);
    for (const stride of [1, 7, 11]) {
      for (let i = 0; i < 24; i++) {
        const place = (i * stride) % 24;
        for (const teacher of [0, 1]) {
          for (const shard of [1, 0]) {
            reader.read(teacher, shard, place, out, 1);
            expect([...out.subarray(classes)]).toEqual([0, 1, 2].map((c) => logit(teacher, shard, place, c)));
          }
        }
      }
    }
    reader.close();
    writer.close();
  });

  it("may be read while it is written", () => {
    const writer = new LabelStoreWriter(folder);
    const reader = new LabelStoreReader(writer.path, { encodings, classes, chunkSize, cacheBytes: 1 });
    const out = new Float32Array(classes);
    for (const part of parts) {
      expect(() => reader.read(part.teacher, part.shard, part.chunk * chunkSize + part.from, out, 0)).toThrow(
        `Cannot read the labels of teacher ${part.teacher}, shard ${part.shard}, chunk ${part.chunk}, place ${part.from}: they have not arrived`,
      );
      reader.add(writer.append(part, payloadOf(part)));
      reader.read(part.teacher, part.shard, part.chunk * chunkSize + part.from, out, 0);
      expect(out[0]).toBe(logit(part.teacher, part.shard, part.chunk * chunkSize + part.from, 0));
    }
    reader.close();
    writer.close();
  });

  it("counts its bytes, and leaves no file when it is closed", () => {
    const { writer, reader } = filled(1e6);
    // 24 places of 3 classes in two bytes, for two shards and two teachers.
    expect(writer.bytes).toBe(24 * 3 * 2 * 2 * 2);
    expect(existsSync(writer.path)).toBe(true);
    reader.close();
    writer.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("says so when its file ends too early", () => {
    const { writer, reader } = filled(1e6);
    reader.add({
      teacher: 5,
      view: 0,
      shard: 0,
      chunk: 0,
      from: 0,
      rows: 5,
      offset: writer.bytes - 1,
      bytes: 30,
    });
    expect(() => reader.read(5, 0, 0, new Float32Array(classes), 0)).toThrow(/the label store ends/);
    reader.close();
    writer.close();
  });
});
