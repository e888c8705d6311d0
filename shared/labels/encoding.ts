import type { LabelEncoding } from "../config/spec.ts";
import { StillhouseError } from "../errors.ts";
import { HALF_MAX, halfValues, toHalf } from "./half.ts";

/** A teacher's answer that cannot become a label: not a number, infinite, or too large for the encoding. */
export class UnusableLogits extends StillhouseError {}

/** Bytes of one sample's labels. */
export function bytesPerRow(encoding: LabelEncoding, classes: number): number {
  return classes * (encoding === "half" ? 2 : 4);
}

/**
 * Logits as they stand in the label log, little-endian.
 * @param logits [rows, classes]
 * @param what for the error: which teacher and chunk
 * @throws UnusableLogits naming row, class, the value seen and the bound
 */
export function encodeLogits(
  encoding: LabelEncoding,
  logits: Float32Array,
  classes: number,
  what: string,
): Uint8Array {
  const i = firstBeyond(encoding, logits);
  if (i >= 0) {
    const value = logits[i] as number;
    throw new UnusableLogits(
      `Cannot label ${what} as row ${Math.floor(i / classes)} class ${i % classes} is ${value}: expected a finite logit` +
        (encoding === "half" ? ` within ±${HALF_MAX} (or set labels.encoding: float32)` : ""),
      { fields: { row: Math.floor(i / classes), class: i % classes, value } },
    );
  }
  const bytes = new Uint8Array(bytesPerRow(encoding, logits.length));
  writeNumbers(encoding, logits, bytes, 0);
  return bytes;
}

/** Place of the first number that an encoding cannot hold: not finite, or too large; or -1. */
export function firstBeyond(encoding: LabelEncoding, values: Float32Array): number {
  const bound = encoding === "half" ? HALF_MAX : Number.MAX_VALUE;
  for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i] as number) <= bound)) return i;
  return -1;
}

/** Writes numbers that the encoding can hold into `bytes` from byte `at` on. @returns the byte after them */
export function writeNumbers(
  encoding: LabelEncoding,
  values: Float32Array,
  bytes: Uint8Array,
  at: number,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  for (let i = 0; i < values.length; i++) {
    if (encoding === "half") view.setUint16(i * 2, toHalf(values[i] as number), true);
    else view.setFloat32(i * 4, values[i] as number, true);
  }
  return at + bytesPerRow(encoding, values.length);
}

/**
 * Decodes the row of labels that starts at byte `from` of `bytes` into row `outRow` of `out`; any alignment.
 * @param out [?, classes]
 */
export function decodeRow(
  encoding: LabelEncoding,
  bytes: Uint8Array,
  from: number,
  classes: number,
  out: Float32Array,
  outRow: number,
): void {
  const start = outRow * classes;
  if (encoding === "half") {
    for (let c = 0, b = from; c < classes; c++, b += 2) {
      const bits = (bytes[b] as number) | ((bytes[b + 1] as number) << 8);
      out[start + c] = halfValues[bits] as number;
    }
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, classes * 4);
  for (let c = 0; c < classes; c++) out[start + c] = view.getFloat32(c * 4, true);
}

/** Place of the first value of a stored payload that is not finite, or -1: a reader trusts no writer. */
export function firstUnusable(encoding: LabelEncoding, payload: Uint8Array): number {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const width = encoding === "half" ? 2 : 4;
  for (let i = 0; i < payload.byteLength / width; i++) {
    const exponent =
      encoding === "half" ? view.getUint16(i * 2, true) & 0x7c00 : view.getUint32(i * 4, true) & 0x7f800000;
    if (exponent === (encoding === "half" ? 0x7c00 : 0x7f800000)) return i;
  }
  return -1;
}
