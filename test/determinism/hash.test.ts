import { describe, expect, it } from "vitest";
import { canonicalJson, contentHash, sha256 } from "../../shared/determinism/hash.ts";

describe("sha256()", () => {
  it("agrees with FIPS 180-4 on its examples, in one part or several", () => {
    const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(sha256("abc")).toBe(abc);
    expect(sha256("a", Uint8Array.of(0x62, 0x63))).toBe(abc);
    expect(sha256()).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
});

describe("contentHash()", () => {
  it("is the first half of the SHA-256 of canonical JSON", () => {
    expect(contentHash({ b: [1, "x"], a: null })).toBe(sha256('{"a":null,"b":[1,"x"]}').slice(0, 32));
  });

  it("does not depend on the order of keys, at any depth, nor on keys without a value", () => {
    const one = { a: 1, b: { c: [{ d: 2, e: 3 }], f: "x" } };
    const other = { b: { f: "x", c: [{ e: 3, d: 2, g: undefined }] }, h: undefined, a: 1 };
    expect(contentHash(other)).toBe(contentHash(one));
  });

  it("tells apart what differs", () => {
    const values = [
      0,
      1,
      "1",
      true,
      null,
      [],
      {},
      [[]],
      [1, 2],
      [2, 1],
      [12],
      { a: 1 },
      { a: "1" },
      { a: [1] },
      "",
      { "": 0 },
    ];
    expect(new Set(values.map(contentHash)).size).toBe(values.length);
  });

  it("orders keys by code unit, whatever the language of the machine", () => {
    expect(canonicalJson({ b: 0, B: 0, ä: 0, a10: 0, a2: 0 })).toBe('{"B":0,"a10":0,"a2":0,"b":0,"ä":0}');
  });

  it("refuses what JSON would change in silence", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, { a: [Number.NEGATIVE_INFINITY] }]) {
      expect(() => contentHash(value)).toThrow(
        /^Cannot hash a value that holds (NaN|-?Infinity): only finite/,
      );
    }
    expect(() => contentHash({ a: () => 1 })).toThrow("Cannot hash a value that holds a function");
    expect(() => contentHash([undefined])).toThrow("Cannot hash a value that holds a undefined");
  });
});
