import { describe, expect, it } from "vitest";
import { decode, MalformedMessage } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { fuzzDecoders } from "../helpers/fuzzDecoders.ts";

describe("the decoders of labels", () => {
  it("take or refuse 100,000 byte strings by typed errors, in bounded memory (test/long has a million)", () => {
    const { taken, refused, grownBytes } = fuzzDecoders(100_000, "short");
    expect(taken + refused).toBe(100_000);
    // Both happen often enough to mean something.
    expect(taken).toBeGreaterThan(5_000);
    expect(refused).toBeGreaterThan(50_000);
    expect(grownBytes).toBeLessThan(256 * 2 ** 20);
  });

  it.each([
    ["an array of 2^32 - 1", [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ["an array of 2^25", [0xdd, 0x02, 0, 0, 0]],
    ["a map of 2^32 - 1", [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ["bytes of 2^32 - 1", [0xc6, 0xff, 0xff, 0xff, 0xff]],
    ["a text of 2^32 - 1", [0xdb, 0xff, 0xff, 0xff, 0xff]],
    ["an extension of 2^32 - 1", [0xc9, 0xff, 0xff, 0xff, 0xff, 0x74]],
    ["arrays in arrays", Array.from({ length: 100_000 }, () => 0x91)],
    ["maps in maps", Array.from({ length: 100_000 }, (_, i) => [0x81, 0xa1, 0x61][i % 3] as number)],
    ["2^16 arrays of 2^16", Array.from({ length: 3000 }, (_, i) => [0xdc, 0xff, 0xff][i % 3] as number)],
  ])("refuse a message that says it is %s, and make no room for it", (_, bytes) => {
    const before = process.memoryUsage();
    expect(() => decode(Labels, Uint8Array.from(bytes), "it")).toThrow(MalformedMessage);
    const after = process.memoryUsage();
    const grown = after.heapUsed + after.external - before.heapUsed - before.external;
    // 2^25 places alone are 256 MB.
    expect(grown).toBeLessThan(32 * 2 ** 20);
  });
});
