import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { IdxError } from "../../shared/data/errors.ts";
import { parseIdx, readIdx } from "../../shared/data/idx.ts";
import { bytesIdx, floatIdx, idxBytes } from "./idxFiles.ts";

describe("an IDX file", () => {
  it("of unsigned bytes is read with its shape, of any rank", () => {
    const parsed = parseIdx(bytesIdx([2, 1, 3], [1, 2, 3, 4, 5, 255]), "f");
    expect(parsed.shape).toEqual([2, 1, 3]);
    expect([...parsed.values]).toEqual([1, 2, 3, 4, 5, 255]);
    expect(parseIdx(bytesIdx([1, 1, 1, 1, 2], [8, 9]), "f").shape).toEqual([1, 1, 1, 1, 2]);
  });

  it("of float32 is read as big-endian", () => {
    const parsed = parseIdx(floatIdx([2, 2], [0.5, -1.25, 3, 1e-3]), "f");
    expect(parsed.values).toEqual(Float32Array.from([0.5, -1.25, 3, 1e-3]));
  });

  it("is unpacked when it is gzipped, whatever its name", () => {
    expect([...parseIdx(gzipSync(bytesIdx([3], [7, 8, 9])), "f").values]).toEqual([7, 8, 9]);
  });

  it("that starts inside a larger buffer is read from its own start", () => {
    const file = floatIdx([1], [2.5]);
    const larger = new Uint8Array(file.length + 3);
    larger.set(file, 3);
    expect([...parseIdx(larger.subarray(3), "f").values]).toEqual([2.5]);
  });
});

describe("a file that is no IDX file is refused, and the error", () => {
  const refusal = (bytes: Uint8Array): string => {
    try {
      parseIdx(bytes, "digits.idx");
    } catch (error) {
      expect(error).toBeInstanceOf(IdxError);
      return (error as Error).message;
    }
    throw new Error("it was read");
  };

  it("names the magic that was seen", () => {
    expect(refusal(Buffer.from("PNG and so on"))).toBe(
      'Cannot read "digits.idx" as an IDX file: at byte 0, the magic starts with 0x504e; expected 0x0000',
    );
  });

  it("names the type that was seen and those that are read", () => {
    expect(refusal(idxBytes(0x0c, [1], new Uint8Array(4)))).toMatch(
      /at byte 2, the type is 0x0c \(int32\); expected 0x08 \(unsigned byte\) or 0x0d \(float32\)/,
    );
  });

  it("counts the bytes of a truncated file", () => {
    // 4 bytes of magic, 2 dimensions of 4 bytes, 6 values; the last two are cut off.
    expect(refusal(bytesIdx([2, 3], [1, 2, 3, 4]))).toMatch(
      /at byte 16, the file has 16 bytes and is truncated; expected 18 bytes for shape \[2, 3\]/,
    );
    expect(refusal(floatIdx([2], [1]))).toMatch(/has 12 bytes and is truncated; expected 16 bytes/);
  });

  it("counts the bytes of a file that goes on after its values", () => {
    expect(refusal(bytesIdx([1], [1, 2]))).toMatch(/at byte 9, the file has 10 bytes and is too long/);
  });

  it("says when the header itself is cut", () => {
    expect(refusal(bytesIdx([2, 3], []).subarray(0, 9))).toMatch(/ends inside its header; expected 12 bytes/);
    expect(refusal(new Uint8Array(2))).toMatch(/the file ends after 2 bytes/);
  });

  it("names the file when its gzip is damaged", () => {
    const packed = gzipSync(bytesIdx([3], [7, 8, 9]));
    expect(() => parseIdx(packed.subarray(0, 20), "digits.gz")).toThrow(
      /Cannot unpack "digits.gz" \(20 bytes\)/,
    );
  });

  it("gives the path of a missing file as written and as resolved", async () => {
    await expect(readIdx("/nowhere/data/x.idx", "data/x.idx")).rejects.toThrow(
      'Cannot read data file "data/x.idx" (resolved to "/nowhere/data/x.idx"): no such file',
    );
  });
});
