import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decode, encode, MalformedMessage } from "../../shared/protocol/codec.ts";
import { Bytes } from "../../shared/protocol/identifiers.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { LabelChunks } from "../../shared/protocol/work.ts";

const pack = (value: unknown): Uint8Array => new Uint8Array(new Packr({ useRecords: false }).pack(value));
const hash = (digit: string): string => digit.repeat(32);
const chunk: LabelChunks = {
  type: "label-chunks",
  labelling: hash("a"),
  shard: hash("b"),
  view: hash("c"),
  chunk: 17,
  count: 4,
};
const labels: Labels = {
  ...{ type: "labels", labelling: hash("a"), shard: hash("b"), view: hash("c"), chunk: 17, part: 2 },
  shape: [2, 3],
  encoding: "half",
  rowsDigest: hash("d"),
  node: "teacher-1",
  payload: Uint8Array.from({ length: 12 }, (_, i) => 250 + i),
};

describe("a message", () => {
  it("comes back as it went", () => {
    expect(decode(LabelChunks, encode(LabelChunks, chunk), "it")).toEqual(chunk);
    const back = decode(Labels, encode(Labels, labels), "it");
    expect(back).toEqual(labels);
    expect([...back.payload]).toEqual([250, 251, 252, 253, 254, 255, 0, 1, 2, 3, 4, 5]);
  });

  it("is read wherever it stands in memory, and by a reader that saw none before", () => {
    // A map of 6 string keys, as any reader of MessagePack knows it.
    const bytes = encode(LabelChunks, chunk);
    expect([...bytes.subarray(0, 3)]).toEqual([0x86, 0xa4, "t".charCodeAt(0)]);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decode(LabelChunks, shifted.subarray(3), "it")).toEqual(chunk);
  });

  it("is made of what any reader of MessagePack knows: bytes are bytes, and what is undefined is not there", () => {
    const Some = z.strictObject({
      payload: Bytes,
      deep: z.array(z.strictObject({ gone: z.string().optional() })),
    });
    const bytes = encode(Some, { payload: Uint8Array.of(7, 8).subarray(1), deep: [{ gone: undefined }] });
    // By the specification: a map of 2; "payload", bin 8 of one byte; "deep", a list of one empty map.
    const text = (word: string): number[] => [0xa0 + word.length, ...Buffer.from(word)];
    expect([...bytes]).toEqual([0x82, ...text("payload"), 0xc4, 1, 8, ...text("deep"), 0x91, 0x80]);
  });

  it("may hold whole numbers of 64 bits, as other languages write times", () => {
    // A map of 1: "at", uint 64 of 1,700,000,000,000.
    const bytes = Uint8Array.of(0x81, 0xa2, 0x61, 0x74, 0xcf, 0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0);
    expect(decode(z.strictObject({ at: z.number() }), bytes, "it")).toEqual({ at: 1_700_000_000_000 });
  });

  it("owns its bytes", () => {
    const first = encode(Labels, labels);
    const kept = first.slice();
    encode(Labels, { ...labels, payload: new Uint8Array(12) });
    expect(first).toEqual(kept);
    expect(first.buffer.byteLength).toBe(first.byteLength);
  });
});

describe("a message that breaks its own schema", () => {
  it("is not sent", () => {
    expect(() => encode(LabelChunks, { ...chunk, chunk: -1 })).toThrow(
      /^Cannot send .*breaks its schema: chunk: /,
    );
  });
});

describe("bytes that are no message", () => {
  it("are refused with their place, and what was expected of which field", () => {
    const read = (message: unknown) => () => decode(LabelChunks, pack(message), "work item on x.y");
    expect(() => decode(LabelChunks, Uint8Array.of(0x85, 0xa4), "work item on x.y")).toThrow(
      "Cannot read work item on x.y as it is not MessagePack: 2 bytes",
    );
    expect(read(null)).toThrow(MalformedMessage);
    expect(read(null)).toThrow(
      /^Cannot use work item on x\.y as it breaks its schema: message: .*expected object/,
    );
    expect(read({ ...chunk, shard: "b" })).toThrow(/: shard: expected 32 hexadecimal digits$/);
    expect(read({ ...chunk, chunk: -1 })).toThrow(/: chunk: /);
    expect(read({ ...chunk, chunk: 1.5 })).toThrow(/: chunk: .*expected int/);
    expect(read({ ...chunk, type: "label-chunk" })).toThrow(/: type: .*expected "label-chunks"/);
    expect(read({ ...chunk, more: 1 })).toThrow(/Unrecognized key: "more"/);
  });

  it("are refused where bytes are expected and a list came", () => {
    const listed = { ...labels, payload: [1, 2] };
    expect(() => decode(Labels, pack(listed), "labels at x")).toThrow(/payload: expected bytes/);
  });

  it("name three faults at most", () => {
    const read = () => decode(LabelChunks, pack({}), "it");
    expect(read).toThrow(/type: .*; labelling: .*; shard: /);
    expect(read).not.toThrow(/view: /);
  });
});
