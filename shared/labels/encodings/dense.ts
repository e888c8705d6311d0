import type { NumberEncoding } from "../../protocol/storedEncoding.ts";
import { HALF_MAX, halfOf, halfValues, isBeyondHalf, toHalves } from "../half.ts";
import { Scratch } from "../scratch.ts";
import { readFloat, writeFloat } from "./floats.ts";

/** Whether typed arrays over the bytes of the wire, which are little-endian, read what is meant. */
const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** Numbers from which on making a view costs less than it saves. */
const VIEWED_FROM = 64;

export const FLOAT32_MAX = (2 - 2 ** -23) * 2 ** 127;

/** The largest magnitude that an encoding of numbers holds. */
export function largestOf(encoding: NumberEncoding): number {
  return encoding === "half" ? HALF_MAX : FLOAT32_MAX;
}

/** Bytes of `count` numbers. */
export function bytesOf(encoding: NumberEncoding, count: number): number {
  return count * (encoding === "half" ? 2 : 4);
}

/**
 * Writes numbers into `bytes` from byte `at` on, little-endian.
 * @returns the place of the first that the encoding cannot hold, as it is not finite or too large, or -1; where there is
 *   one, what is written is of no use
 */
export function writeNumbers(
  encoding: NumberEncoding,
  values: Float32Array,
  bytes: Uint8Array,
  at: number,
): number {
  return encoding === "half" ? writeHalves(values, bytes, at) : writeFloats(values, bytes, at);
}

/** Place of the first number beyond a bound, or not a number; or -1. @param bound positive */
export function firstBeyondBound(values: Float32Array, bound: number): number {
  // Without its sign, a float32's bits are in the order of its magnitude, infinity and then NaN last.
  const [boundBits = 0] = new Int32Array(Float32Array.of(bound).buffer);
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) if (((bits[i] as number) & 0x7fffffff) > boundBits) return i;
  return -1;
}

/** Reads `count` numbers from byte `from` on into `out` at `start`; any alignment. */
export function readNumbers(
  encoding: NumberEncoding,
  bytes: Uint8Array,
  from: number,
  count: number,
  out: Float32Array,
  start: number,
): void {
  if (encoding === "half") readHalves(bytes, from, count, out, start);
  else readFloats(bytes, from, count, out, start);
}

/** Place of the first of the stored numbers that is not finite, or -1: all bits of its exponent are set. */
export function firstNotFinite(encoding: NumberEncoding, bytes: Uint8Array): number {
  if (encoding === "half") return firstHalfNotFinite(bytes);
  for (let b = 3; b < bytes.length; b += 4) {
    if (((bytes[b] as number) & 0x7f) === 0x7f && ((bytes[b - 1] as number) & 0x80) !== 0) return b >> 2;
  }
  return -1;
}

const copied = new Scratch();
/** Words that are looked at together before anything is asked of them. */
const AT_ONCE = 256;

/** An exponent of ones and one more carry into the place of the sign: two halves are looked at together. */
function carryOf(word: number): number {
  return ((word & 0x7c007c00) + 0x04000400) & 0x80008000;
}

/** Words over bytes, which are copied where they do not lie as words must. */
function wordsOf(bytes: Uint8Array, count: number): Int32Array {
  if (bytes.byteOffset % 4 === 0) return new Int32Array(bytes.buffer, bytes.byteOffset, count);
  const copy = copied.of(4 * count);
  copy.set(bytes.subarray(0, 4 * count));
  return new Int32Array(copy.buffer, 0, count);
}

function firstHalfNotFinite(bytes: Uint8Array): number {
  const pairs = bytes.length >>> 2;
  let b = 1;
  if (littleEndian && pairs >= VIEWED_FROM) {
    const words = wordsOf(bytes, pairs);
    for (let from = 0; from < pairs; from += AT_ONCE) {
      const to = Math.min(pairs, from + AT_ONCE);
      let carries = 0;
      for (let i = from; i < to; i++) carries |= carryOf(words[i] as number);
      if (carries === 0) continue;
      const i = from + words.subarray(from, to).findIndex((word) => carryOf(word) !== 0);
      return 2 * i + ((carryOf(words[i] as number) & 0x8000) === 0 ? 1 : 0);
    }
    b += 4 * pairs;
  }
  for (; b < bytes.length; b += 2) if (((bytes[b] as number) & 0x7c) === 0x7c) return b >> 1;
  return -1;
}

function writeHalves(values: Float32Array, bytes: Uint8Array, at: number): number {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  if (viewed(bytes, at, values.length, 2)) {
    if (nativeHalves) {
      new nativeHalves(bytes.buffer, bytes.byteOffset + at, values.length).set(values);
      return firstBeyondBound(values, HALF_MAX);
    }
    return toHalves(bits, new Uint16Array(bytes.buffer, bytes.byteOffset + at, values.length));
  }
  for (let i = 0, b = at; i < bits.length; i++, b += 2) {
    const half = halfOf(bits[i] as number);
    if (isBeyondHalf(bits[i] as number)) return i;
    bytes[b] = half;
    bytes[b + 1] = half >>> 8;
  }
  return -1;
}

/** Newer runtimes have it, the types of this target do not. */
type NativeHalves = new (
  buffer: ArrayBufferLike,
  offset: number,
  length: number,
) => {
  set(values: Float32Array): void;
};
/** Writes the same bits about twice as fast; it reads more slowly than the table, which is why it does not. */
const nativeHalves = (globalThis as { Float16Array?: NativeHalves }).Float16Array;

function readHalves(bytes: Uint8Array, from: number, count: number, out: Float32Array, start: number): void {
  if (viewed(bytes, from, count, 2)) {
    const halves = new Uint16Array(bytes.buffer, bytes.byteOffset + from, count);
    const table = halfValues;
    for (let i = 0; i < count; i++) out[start + i] = table[halves[i] as number] as number;
    return;
  }
  for (let i = start, b = from; i < start + count; i++, b += 2) {
    out[i] = halfValues[(bytes[b] as number) | ((bytes[b + 1] as number) << 8)] as number;
  }
}

function writeFloats(values: Float32Array, bytes: Uint8Array, at: number): number {
  // Bytes onto bytes need no alignment.
  if (littleEndian) bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
  else for (const [i, value] of values.entries()) writeFloat(bytes, at + i * 4, value);
  return firstBeyondBound(values, FLOAT32_MAX);
}

function readFloats(bytes: Uint8Array, from: number, count: number, out: Float32Array, start: number): void {
  if (littleEndian && count >= VIEWED_FROM) {
    const target = new Uint8Array(out.buffer, out.byteOffset + 4 * start, 4 * count);
    target.set(new Uint8Array(bytes.buffer, bytes.byteOffset + from, 4 * count));
    return;
  }
  for (let i = 0; i < count; i++) out[start + i] = readFloat(bytes, from + i * 4);
}

/** Whether `count` numbers of `width` bytes are worth a typed array over them, and may have one. */
function viewed(bytes: Uint8Array, at: number, count: number, width: number): boolean {
  return littleEndian && count >= VIEWED_FROM && (bytes.byteOffset + at) % width === 0;
}
