import type { NumberEncoding } from "../../protocol/storedEncoding.ts";
import { HALF_MAX, halfValues, toHalf } from "../half.ts";

/** The largest magnitude that an encoding of numbers holds. */
export function largestOf(encoding: NumberEncoding): number {
  return encoding === "half" ? HALF_MAX : Number.MAX_VALUE;
}

/** Bytes of `count` numbers. */
export function bytesOf(encoding: NumberEncoding, count: number): number {
  return count * (encoding === "half" ? 2 : 4);
}

/** Writes numbers that the encoding can hold into `bytes` from byte `at` on, little-endian. @returns the byte after them */
export function writeNumbers(
  encoding: NumberEncoding,
  values: Float32Array,
  bytes: Uint8Array,
  at: number,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  for (let i = 0; i < values.length; i++) {
    if (encoding === "half") view.setUint16(i * 2, toHalf(values[i] as number), true);
    else view.setFloat32(i * 4, values[i] as number, true);
  }
  return at + bytesOf(encoding, values.length);
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
  if (encoding === "half") {
    for (let c = 0, b = from; c < count; c++, b += 2) {
      const bits = (bytes[b] as number) | ((bytes[b + 1] as number) << 8);
      out[start + c] = halfValues[bits] as number;
    }
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, count * 4);
  for (let c = 0; c < count; c++) out[start + c] = view.getFloat32(c * 4, true);
}

/** Place of the first of the stored numbers that is not finite, or -1. */
export function firstNotFinite(encoding: NumberEncoding, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = encoding === "half" ? 2 : 4;
  const ones = encoding === "half" ? 0x7c00 : 0x7f800000;
  for (let i = 0; i < Math.floor(bytes.byteLength / width); i++) {
    const exponent = (encoding === "half" ? view.getUint16(i * 2, true) : view.getUint32(i * 4, true)) & ones;
    if (exponent === ones) return i;
  }
  return -1;
}
