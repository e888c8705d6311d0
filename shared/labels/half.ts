/** The largest finite half-precision number. */
export const HALF_MAX = 65504;

/** Of the smallest half-precision number that is not subnormal, 2^-14, the bits as a float32. */
const SMALLEST_NORMAL = 0x38800000;
/** Of HALF_MAX. */
const LARGEST = 0x477fe000;
/** What lies between the exponents' biases, 127 - 15, at the place of a float32's exponent. */
const REBIAS = (127 - 15) << 23;

const scratch = new Float32Array(1);
const scratchBits = new Int32Array(scratch.buffer);

/** IEEE 754 binary16 bits of a number, rounded to nearest, ties to even; beyond HALF_MAX they become infinity. */
export function toHalf(value: number): number {
  scratch[0] = value;
  return halfOf(scratchBits[0] as number);
}

/** The same of a float32, by its bits. */
export function halfOf(bits: number): number {
  const magnitude = bits & 0x7fffffff;
  const sign = (bits >>> 16) & 0x8000;
  if (magnitude >= SMALLEST_NORMAL && magnitude <= LARGEST) {
    // 13 bits go. Adding half of their range less one, and one more where what stays is odd, carries where it must: to
    // the even neighbour of a tie, and out of the fraction into the exponent.
    return sign | ((magnitude - REBIAS + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  return sign | outsideNormal(magnitude);
}

/**
 * Writes many, up to the first that is not finite or beyond HALF_MAX. The rule of `halfOf` stands here again, as calling it for
 * each number takes eight times as long.
 * @returns the place of that first, or -1
 */
export function toHalves(bits: Int32Array, halves: Uint16Array): number {
  for (let i = 0; i < bits.length; i++) {
    const number = bits[i] as number;
    const magnitude = number & 0x7fffffff;
    if (magnitude > LARGEST) return i;
    halves[i] =
      magnitude >= SMALLEST_NORMAL
        ? ((number >>> 16) & 0x8000) | ((magnitude - REBIAS + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
        : halfOf(number);
  }
  return -1;
}

/** Whether a float32, by its bits, is not finite or beyond HALF_MAX. */
export function isBeyondHalf(bits: number): boolean {
  return (bits & 0x7fffffff) > LARGEST;
}

/** Of magnitudes below the normal halves, above the largest, infinite and not a number. */
function outsideNormal(magnitude: number): number {
  if (magnitude > 0x7f800000) return 0x7e00;
  // 65520, halfway to 2^16, is a tie, and goes to what would be even.
  if (magnitude > LARGEST) return magnitude < 0x477ff000 ? 0x7bff : 0x7c00;
  const exponent = magnitude >>> 23;
  // Below 2^-25 is less than half of the smallest, 2^-24.
  if (exponent < 127 - 25) return 0;
  const shift = 126 - exponent;
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const kept = fraction >>> shift;
  return (fraction + (1 << (shift - 1)) - 1 + (kept & 1)) >>> shift;
}

/** The value of each of the 65,536 half-precision bit patterns: decoding is one look-up. */
export const halfValues: Float32Array = Float32Array.from({ length: 65536 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
});
