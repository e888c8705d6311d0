import { describe, expect, it } from "vitest";
import { rng } from "../../../shared/determinism/rng.ts";
import {
  bytesPerRow,
  decodeRow,
  decodeStored,
  encodeLogits,
  firstFault,
} from "../../../shared/labels/encoding.ts";
import { PLAIN_READING } from "../../../shared/labels/reading.ts";
import type { SampledEncoding } from "../../../shared/protocol/storedEncoding.ts";

// Probabilities 1/2, 1/4, 1/8, 1/8 at temperature 1; at 2 they go as 1, 2^-1/2, 1/2, 1/2.
const logits = Float32Array.from([1 / 2, 1 / 4, 1 / 8, 1 / 8], Math.log);

/** Exp of what is decoded at a temperature, which sums to 1 or is made to. */
function target(encoding: SampledEncoding, bytes: Uint8Array, row: number, temperature: number): number[] {
  const out = new Float32Array(4);
  decodeRow(encoding, bytes, row * bytesPerRow(encoding, 4), 4, out, 0, { ...PLAIN_READING, temperature });
  const powers = Array.from(out, (z) => Math.exp(z / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

describe("classes drawn from a teacher", () => {
  it("are its shares of the draws at their temperature, without bias", () => {
    const encoding = { kind: "sampled", draws: 8, temperature: 1 } as const;
    const rows = 4000;
    const many = Float32Array.from({ length: 4 * rows }, (_, i) => logits[i % 4] as number);
    const bytes = encodeLogits(encoding, many, 4, "it", (row) => rng("unbiased", row));
    const sums = [0, 0, 0, 0];
    for (let row = 0; row < rows; row++) {
      target(encoding, bytes, row, 1).forEach((p, c) => {
        // A share of 8 draws.
        expect(Math.abs(8 * p - Math.round(8 * p))).toBeLessThan(1e-5);
        sums[c] = (sums[c] as number) + p;
      });
    }
    // Of 32,000 draws the share of 1/2 has a deviation of sqrt(1/4 / 32,000) = 0.0028; five of them are 0.014.
    [1 / 2, 1 / 4, 1 / 8, 1 / 8].forEach((p, c) => {
      expect(Math.abs((sums[c] as number) / rows - p)).toBeLessThan(0.014);
    });
  });

  it("come with importance weights at another temperature: at 2 from 1 a class counts by its draws and exp(d / 2 - d)", () => {
    const encoding = { kind: "sampled", draws: 20_000, temperature: 1 } as const;
    const bytes = encodeLogits(encoding, logits, 4, "it", (row) => rng("weights", row));
    const sum = 1 + 2 ** -0.5 + 0.5 + 0.5;
    // Each is count x constant: a count of n p has a relative deviation of sqrt((1 - p) / (n p)), at most 0.019 for 1/8;
    // five of them are below a tenth.
    target(encoding, bytes, 0, 2).forEach((q, c) => {
      const p = [1, 2 ** -0.5, 0.5, 0.5].map((power) => power / sum)[c] as number;
      expect(Math.abs(q / p - 1)).toBeLessThan(0.1);
    });
  });

  it("are the same for the same stream and others for another; who was not drawn has nothing", () => {
    const encoding = { kind: "sampled", draws: 3, temperature: 1 } as const;
    const drawn = (name: string): Uint8Array =>
      encodeLogits(encoding, logits, 4, "it", (row) => rng(name, row));
    expect(drawn("one")).toEqual(drawn("one"));
    const all = ["one", "two", "three", "four", "five"].map(drawn);
    expect(new Set(all.map((bytes) => bytes.join())).size).toBeGreaterThan(1);
    for (const bytes of all) {
      const stored = new Float32Array(4);
      decodeStored(encoding, bytes, 0, 4, stored, 0);
      target(encoding, bytes, 0, 1).forEach((p, c) => {
        expect(p > 0).toBe(stored[c] === 1);
      });
    }
  });

  it("need random numbers", () => {
    const encoding = { kind: "sampled", draws: 3, temperature: 1 } as const;
    expect(() => encodeLogits(encoding, logits, 4, "it")).toThrow(
      "Cannot sample row 0 without random numbers",
    );
  });

  it("are refused where they are no such draws", () => {
    const encoding = { kind: "sampled", draws: 3, temperature: 1 } as const;
    // Three slots: classes, counts of 16 bits, differences: class 0 twice, class 2 once, the third slot empty.
    const good = [0, 2, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0];
    const fault = (changed: Record<number, number>): string | undefined =>
      firstFault(
        encoding,
        4,
        Uint8Array.from(good, (byte, i) => changed[i] ?? byte),
      );
    expect(fault({})).toBeUndefined();
    expect(fault({ 1: 4 })).toBe("row 0 slot 1 is class 4 of 4");
    expect(fault({ 1: 0 })).toBe("row 0 class 0 follows on class 0");
    expect(fault({ 3: 3 })).toBe("row 0 its counts sum to 4 of 3 draws");
    expect(fault({ 2: 1 })).toBe("row 0 slot 2 is not empty and has no count");
    expect(fault({ 5: 0, 1: 0, 12: 0, 7: 1 })).toBe("row 0 slot 2 follows on an empty one");
    expect(fault({ 12: 0x40 })).toBe("row 0 slot 1 is 2");
    expect(fault({ 12: 0xfc })).toBe("row 0 slot 1 is -Infinity");
  });
});
