import { describe, expect, it } from "vitest";
import { rng } from "../../../shared/determinism/rng.ts";
import { idSetBytes, idSetFault, readIdSet, writeIdSet } from "../../../shared/labels/encodings/idSet.ts";

/** Some k of the classes, ascending. */
function drawn(k: number, classes: number, name: number): Uint32Array {
  const all = Uint32Array.from({ length: classes }, (_, id) => id);
  return rng("ids", k, classes, name).shuffle(all).slice(0, k).sort();
}

const sizes: [k: number, classes: number][] = [
  [0, 5],
  [1, 1],
  [1, 2],
  [3, 10],
  [10, 10],
  [47, 1000],
  [95, 1000],
  [999, 1000],
  [1000, 1000],
  [128, 50_257],
  [7, 2 ** 24],
];

describe("a set of classes", () => {
  it.each(sizes)("of %d of %d comes back, wherever it begins in the bytes", (k, classes) => {
    const size = idSetBytes(k, classes);
    for (let name = 0; name < 20; name++) {
      const ids = drawn(k, Math.min(classes, 60_000), name);
      if (k > 0 && name === 0) ids[k - 1] = classes - 1;
      const bytes = new Uint8Array(size + 5);
      expect(writeIdSet(ids, k, classes, bytes, 3)).toBe(3 + size);
      expect([...bytes.subarray(0, 3), ...bytes.subarray(3 + size)]).toEqual([0, 0, 0, 0, 0]);
      expect(idSetFault(bytes, 3, k, classes)).toBeUndefined();
      const back = new Uint32Array(k);
      readIdSet(bytes, 3, k, classes, back);
      expect(back).toEqual(ids);
    }
  });

  it("takes the bytes of its formula", () => {
    // l = floor(log2(1000 / 95)) = 3: 95 * 3 + 95 + 125 + 1 = 506 bits. l = 8: 1024 + 128 + 196 + 1 = 1349 bits.
    expect(idSetBytes(95, 1000)).toBe(64);
    expect(idSetBytes(128, 50_257)).toBe(169);
    // l = 1: 3 + 3 + 5 + 1 = 12 bits.
    expect(idSetBytes(3, 10)).toBe(2);
  });

  it("is written so: low bits, then steps in unary", () => {
    // Of 10 classes 2, 3 and 9: low bits 0, 1, 1; high parts 1, 1, 4, as 0 1 1 0 0 0 1. From the lowest bit on:
    // 011 0110001 gives 0b00110110 = 0x36 reversed, bit by bit 0,1,1,0,1,1,0,0 and 0,1.
    const bytes = new Uint8Array(2);
    writeIdSet(Uint32Array.of(2, 3, 9), 3, 10, bytes, 0);
    const bits = [...bytes].flatMap((byte) => Array.from({ length: 8 }, (_, b) => (byte >>> b) & 1));
    expect(bits.slice(0, 10)).toEqual([0, 1, 1, 0, 1, 1, 0, 0, 0, 1]);
  });

  it.each([
    ["lists too few", [0b00000000, 0], /lists 0 classes, expected 3/],
    // Low bits 0, 1, 0; 0, 1 and 2, and one more.
    ["lists too many", [0b11011010, 0], /lists more than 3 classes/],
    // High parts 0, 0, 0 with low bits 0, 1, 1.
    ["lists one twice", [0b00111110, 0], /class 1 comes after 1/],
    // High parts 1, 2, 5 with low bits 0, 0, 1: 2, 4 and 11.
    ["lists what there is not", [0b01010100, 0b100], /lists class 11 of 10/],
  ])("that %s is refused", (_, bytes, fault) => {
    expect(idSetFault(Uint8Array.from(bytes), 0, 3, 10)).toMatch(fault);
  });

  it("of random bytes is refused, or is one that would be written so", () => {
    const stream = rng("ids", "fuzz");
    for (let i = 0; i < 20_000; i++) {
      const bytes = Uint8Array.from({ length: 2 }, () => stream.below(256));
      if (idSetFault(bytes, 0, 3, 10) !== undefined) continue;
      const ids = new Uint32Array(3);
      readIdSet(bytes, 0, 3, 10, ids);
      const again = new Uint8Array(2);
      writeIdSet(ids, 3, 10, again, 0);
      expect(again).toEqual(bytes);
    }
  });
});
