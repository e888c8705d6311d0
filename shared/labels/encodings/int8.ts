import { readFloat, writeFloat } from "./floats.ts";

/** Float32 low and step before the classes. */
const HEAD_BYTES = 8;

/** The largest magnitude that is taken: the largest level of a row, rounded, stays a finite float32. */
export const INT8_MAX = 1e38;

/** Bytes of a row: its low and its step in float32, one byte a class. */
export function int8Bytes(classes: number): number {
  return HEAD_BYTES + classes;
}

/**
 * Writes a row as 256 levels between its smallest and its largest logit:
 *
 *   z ~ low + step * byte,   low = min z, step = (max z - min z) / 255
 *
 * @param logits those of the row, from `start` on, within INT8_MAX
 * @returns the byte after the row
 * An error is at most step / 2, and what float32 adds by rounding step (255 halves of its last place) and the value.
 */
export function writeInt8(
  logits: Float32Array,
  start: number,
  classes: number,
  bytes: Uint8Array,
  at: number,
): number {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let c = start; c < start + classes; c++) {
    const value = logits[c] as number;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const step = Math.fround((high - low) / 255);
  writeFloat(bytes, at, low);
  writeFloat(bytes, at + 4, step);
  const levels = step === 0 ? 0 : 1 / step;
  for (let c = 0; c < classes; c++) {
    const level = (((logits[start + c] as number) - low) * levels + 0.5) | 0;
    // Rounded down, a step reaches the largest logit a little after 255.
    bytes[at + HEAD_BYTES + c] = Math.min(level, 255);
  }
  return at + int8Bytes(classes);
}

/** Reads a row from byte `from` on into `out` at `start`. */
export function readInt8(
  bytes: Uint8Array,
  from: number,
  classes: number,
  out: Float32Array,
  start: number,
): void {
  const { low, step } = headOf(bytes, from);
  const first = from + HEAD_BYTES;
  for (let c = 0; c < classes; c++) out[start + c] = low + step * (bytes[first + c] as number);
}

/** What is wrong with a stored row, or undefined: any bytes are levels, so only its two numbers can be. */
export function int8Fault(bytes: Uint8Array, from: number): string | undefined {
  const { low, step } = headOf(bytes, from);
  if (!(Math.abs(low) <= INT8_MAX)) return `low is ${low}`;
  if (!(step >= 0 && step <= (2 * INT8_MAX) / 255)) return `step is ${step}`;
  return undefined;
}

function headOf(bytes: Uint8Array, from: number): { low: number; step: number } {
  return { low: readFloat(bytes, from), step: readFloat(bytes, from + 4) };
}
