import { describe, expect, it } from "vitest";
import { encodeLogits } from "../../shared/labels/encoding.ts";
import { firstNotFinite } from "../../shared/labels/encodings/dense.ts";
import { HALF_MAX, halfValues, toHalf } from "../../shared/labels/half.ts";

/** The value of half-precision bits, by placing them into the bits of a float64: sign, exponent + 1008, fraction. */
function numberOf(bits: number): number {
  const [sign, exponent, fraction] = [bits >>> 15, (bits >>> 10) & 31, bits & 1023];
  const view = new DataView(new ArrayBuffer(8));
  if (exponent === 0) return (sign ? -1 : 1) * (fraction / 2 ** 24);
  // 1023 - 15 = 1008 between the two biases; all ones stay all ones.
  const wide = exponent === 31 ? 2047 : exponent + 1008;
  view.setUint32(0, ((sign << 31) | (wide << 20) | (fraction << 10)) >>> 0);
  return view.getFloat64(0);
}

const patterns = Array.from({ length: 65536 }, (_, bits) => bits);
const finite = patterns.filter((bits) => ((bits >>> 10) & 31) !== 31);
/** Positive finite patterns; as numbers they are in the order of their values. */
const positive = finite.filter((bits) => bits < 0x8000);

describe("half precision", () => {
  it("gives each of the 65,536 patterns its value", () => {
    expect(halfValues.length).toBe(65536);
    expect(patterns.filter((bits) => !Object.is(halfValues[bits], numberOf(bits)))).toEqual([]);
    expect([halfValues[0x3c00], halfValues[0xc000], halfValues[0x0001]]).toEqual([1, -2, 2 ** -24]);
    expect(halfValues[0x7bff]).toBe(HALF_MAX);
    expect(HALF_MAX).toBe(65504);
  });

  it("takes each finite value back to its pattern, the sign of zero included", () => {
    expect(finite.filter((bits) => toHalf(numberOf(bits)) !== bits)).toEqual([]);
    expect(toHalf(-0)).toBe(0x8000);
  });

  it("rounds what lies halfway between two neighbours to the even one, and anything else to the nearer", () => {
    const wrong: number[] = [];
    for (const below of positive.slice(0, -1)) {
      const [low, high] = [numberOf(below), numberOf(below + 1)];
      const middle = (low + high) / 2; // exact: both have 11 significant bits
      const even = below % 2 === 0 ? below : below + 1;
      // A float32 has 13 bits more than a half, so these are the nearest other numbers that can come.
      const step = (high - low) / 2 ** 12;
      const right =
        toHalf(middle) === even &&
        toHalf(middle - step) === below &&
        toHalf(middle + step) === below + 1 &&
        toHalf(-middle) === (even | 0x8000);
      if (!right) wrong.push(below);
    }
    expect(wrong).toEqual([]);
  });

  it("goes to infinity from halfway beyond the largest value on, and to zero below half the smallest", () => {
    // The next value would be 65536: 65520 is halfway, and a tie goes to it, as its fraction would be even.
    expect(toHalf(65519.996)).toBe(0x7bff);
    expect(toHalf(65520)).toBe(0x7c00);
    expect(toHalf(-1e30)).toBe(0xfc00);
    expect(toHalf(2 ** -25)).toBe(0);
    expect(toHalf(2 ** -25 * (1 + 2 ** -20))).toBe(1);
    expect(toHalf(-(2 ** -26))).toBe(0x8000);
    expect(toHalf(1e-45)).toBe(0);
  });

  it("keeps what is no number and what is infinite", () => {
    expect(halfValues[toHalf(Number.NaN)]).toBeNaN();
    expect(halfValues[toHalf(Number.POSITIVE_INFINITY)]).toBe(Number.POSITIVE_INFINITY);
    expect(halfValues[toHalf(Number.NEGATIVE_INFINITY)]).toBe(Number.NEGATIVE_INFINITY);
  });

  it("is written number by number, by many at once and by the runtime's own, where it has one, in the same bits", () => {
    // Halfway between neighbours, and a last place of float32 below and above it: where ways to round part.
    const values = Float32Array.from(
      positive.slice(0, -1).flatMap((below) => {
        const [low, high] = [numberOf(below), numberOf(below + 1)];
        const [middle, step] = [(low + high) / 2, (high - low) / 2 ** 12];
        return [low, middle - step, middle, middle + step, -middle, 0.3 * low];
      }),
    );
    const expected = Uint16Array.from(values, toHalf);
    const written = encodeLogits("half", values, values.length, "it");
    expect(new Uint16Array(written.buffer)).toEqual(expected);
    // Rows of 6 are too short for a view.
    const few = new Uint8Array(written.length);
    for (let at = 0; at < values.length; at += 6) {
      few.set(encodeLogits("half", values.subarray(at, at + 6), 6, "it"), 2 * at);
    }
    expect(few).toEqual(written);
  });

  it("that is not finite is found where it is first, at any alignment; the largest finite one is not taken for it", () => {
    const halves = new Uint16Array(131).fill(0x7bff);
    const wrong: string[] = [];
    for (const place of [-1, 0, 1, 2, 63, 128, 129, 130]) {
      for (const bits of [0x7c00, 0xfc00, 0x7e01]) {
        const stored = halves.slice();
        // The last one is wrong too, and not the first.
        if (place >= 0) stored[130] = 0x7c00;
        if (place >= 0) stored[place] = bits;
        for (const offset of [0, 1, 2, 3]) {
          const bytes = new Uint8Array(offset + stored.byteLength).subarray(offset);
          bytes.set(new Uint8Array(stored.buffer));
          const found = firstNotFinite("half", bytes);
          if (found !== place) wrong.push(`${bits} at ${place}, offset ${offset}: ${found}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});
