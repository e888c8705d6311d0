import { describe, expect, it } from "vitest";
import {
  bytesPerRow,
  decodeRow,
  encodeLogits,
  firstFault,
  UnusableLogits,
} from "../../shared/labels/encoding.ts";
import { chunkLayout } from "../../shared/labels/layout.ts";
import { rowsDigest } from "../../shared/labels/rowsDigest.ts";

const encodings = ["half", "float32"] as const;

describe.each(encodings)("labels in %s", (encoding) => {
  // Each is a number of half precision, so that both encodings keep it.
  const logits = Float32Array.of(1, -2.5, 0, 65504, -65504, 2 ** -24);
  const encoded = encodeLogits(encoding, logits, 3, "it");

  it("take the bytes that they are said to, little-endian", () => {
    const width = encoding === "half" ? 2 : 4;
    expect(bytesPerRow(encoding, 3)).toBe(3 * width);
    expect(encoded.byteLength).toBe(6 * width);
    // 1 is 0x3c00 and 0x3f800000; -2.5 is 0xc100 and 0xc0200000.
    const start = encoding === "half" ? [0x00, 0x3c, 0x00, 0xc1] : [0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0];
    expect([...encoded.subarray(0, start.length)]).toEqual(start);
  });

  it("come back row by row, wherever they stand in memory and wherever they go", () => {
    const shifted = new Uint8Array(encoded.length + 3);
    shifted.set(encoded, 3);
    const out = new Float32Array(9).fill(7);
    const row = bytesPerRow(encoding, 3);
    decodeRow(encoding, shifted.subarray(3), row, 3, out, 2);
    decodeRow(encoding, shifted.subarray(3), 0, 3, out, 0);
    expect([...out]).toEqual([1, -2.5, 0, 7, 7, 7, 65504, -65504, 2 ** -24]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "refuse %d, with row, class and value",
    (value) => {
      const bad = logits.slice();
      bad[4] = value;
      const encode = () => encodeLogits(encoding, bad, 3, 'chunk 4 with teacher "ada"');
      expect(encode).toThrow(UnusableLogits);
      expect(encode).toThrow(
        `Cannot label chunk 4 with teacher "ada" as row 1 class 1 is ${value}: expected a finite logit`,
      );
    },
  );

  it("are searched for the first value that is no finite number", () => {
    expect(firstFault(encoding, 3, encoded)).toBeUndefined();
    expect(firstFault(encoding, 3, new Uint8Array(0))).toBeUndefined();
    // Quiet and signalling NaN, both infinities: all exponent bits set, whatever the rest.
    const bad =
      encoding === "half"
        ? [0x7e00, 0xfc01, 0x7c00, 0xfc00]
        : [0x7fc00000, 0xff800001, 0x7f800000, 0xff800000];
    for (const bits of bad) {
      const shifted = new Uint8Array(encoded.length + 1);
      shifted.set(encoded, 1);
      const view = new DataView(shifted.buffer, 1);
      if (encoding === "half") view.setUint16(4 * 2, bits, true);
      else view.setUint32(4 * 4, bits, true);
      expect(firstFault(encoding, 3, shifted.subarray(1))).toBe("row 1 class 1 is not finite");
    }
  });
});

describe("a logit beyond half precision", () => {
  it("is refused with the value seen, the bound and the other encoding, which takes it", () => {
    const logits = Float32Array.of(0, 65505);
    expect(() => encodeLogits("half", logits, 2, "it")).toThrow(
      "row 0 class 1 is 65505: expected a finite logit within ±65504 (or set labels.encoding: float32)",
    );
    const out = new Float32Array(2);
    decodeRow("float32", encodeLogits("float32", logits, 2, "it"), 0, 2, out, 0);
    expect([...out]).toEqual([0, 65505]);
  });
});

describe("the layout of a chunk", () => {
  it("is whole, and its parts fit a message of 512 KB", () => {
    const shard = { hash: "s", rows: 2500 };
    const of = (chunk: number) =>
      chunkLayout({ shard, chunkSize: 1000, chunk, classes: 400, encoding: "float32" });
    // 524,288 / 1,600 = 327.68
    const whole = [
      [0, 327],
      [327, 654],
      [654, 981],
      [981, 1000],
    ];
    expect([0, 1, 2].map((chunk) => of(chunk).parts)).toEqual([
      whole,
      whole,
      [
        [0, 327],
        [327, 500],
      ],
    ]);
    const rows = [0, 1, 2].flatMap((chunk) => [...of(chunk).rows]);
    expect(rows.sort((a, b) => a - b)).toEqual(Array.from({ length: 2500 }, (_, row) => row));
  });
});

describe("the digest of rows", () => {
  it("is SHA-256 over little-endian 32-bit numbers, cut to 32 digits", () => {
    // printf '\x01\x00\x00\x00\x00\x01\x00\x00' | sha256sum
    expect(rowsDigest(Uint32Array.of(1, 256))).toBe("242045e2f1bb37769b514f182fd91b3d");
    expect(rowsDigest(Uint32Array.of(256, 1))).not.toBe(rowsDigest(Uint32Array.of(1, 256)));
  });
});
