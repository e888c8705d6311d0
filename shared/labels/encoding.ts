import type { Rng } from "../determinism/rng.ts";
import { StillhouseError } from "../errors.ts";
import type { StoredEncoding } from "../protocol/storedEncoding.ts";
import {
  bytesOf,
  FLOAT32_MAX,
  firstBeyondBound,
  firstNotFinite,
  largestOf,
  readNumbers,
  writeNumbers,
} from "./encodings/dense.ts";
import { INT8_MAX, int8Bytes, int8Fault, readInt8, writeInt8 } from "./encodings/int8.ts";
import {
  readSampled,
  readSampledStored,
  sampledBytes,
  sampledFault,
  writeSampled,
} from "./encodings/sampled.ts";
import { readTopK, readTopKStored, topKBytes, topKFault, writeTopK } from "./encodings/topK.ts";
import { PLAIN_READING, type Reading } from "./reading.ts";

/** A teacher's answer that cannot become a label: not a number, infinite, or too large for the encoding. */
export class UnusableLogits extends StillhouseError {}

/** The random numbers of a row, a stream of its own for each; only `sampled` draws any. */
export type DrawsOf = (row: number) => Pick<Rng, "uniform">;

/** Bytes of one sample's logits. */
export function bytesPerRow(encoding: StoredEncoding, classes: number): number {
  if (encoding === "int8") return int8Bytes(classes);
  if (typeof encoding === "string") return bytesOf(encoding, classes);
  return encoding.kind === "top-k" ? topKBytes(encoding, classes) : sampledBytes(encoding, classes);
}

/**
 * Logits as they stand in the label log, little-endian.
 * @param logits [rows, classes]
 * @param what for the error: which teacher and chunk
 * @param draws for `sampled`
 * @param bytes to write into, exactly as large; absent: new ones
 * @throws UnusableLogits naming row, class, the value seen and the bound
 */
export function encodeLogits(
  encoding: StoredEncoding,
  logits: Float32Array,
  classes: number,
  what: string,
  draws?: DrawsOf,
  bytes: Uint8Array = new Uint8Array((logits.length / classes) * bytesPerRow(encoding, classes)),
): Uint8Array {
  const rows = logits.length / classes;
  if (encoding === "half" || encoding === "float32") {
    refuse(writeNumbers(encoding, logits, bytes, 0));
    return bytes;
  }
  refuse(firstBeyondBound(logits, boundOf(encoding)));
  let at = 0;
  for (let row = 0; row < rows; row++) {
    at = writeRow(encoding, logits, row * classes, classes, bytes, at, () => drawsOf(row, draws));
  }
  return bytes;

  function refuse(place: number): void {
    if (place < 0) return;
    const [row, of, value] = [Math.floor(place / classes), place % classes, logits[place]];
    throw new UnusableLogits(
      `Cannot label ${what} as row ${row} class ${of} is ${value}: expected a finite logit${withinBound(encoding)}`,
      { fields: { row, class: of, value } },
    );
  }
}

/** Place of the first number that an encoding cannot hold: not finite, or too large; or -1. */
export function firstBeyond(encoding: StoredEncoding, values: Float32Array): number {
  return firstBeyondBound(values, boundOf(encoding));
}

/** What an error says of the largest number of an encoding, and, of logits, what takes larger ones; nothing where that is float32's own. */
export function withinBound(encoding: StoredEncoding, ofLogits = true): string {
  const bound = boundOf(encoding);
  if (bound === FLOAT32_MAX) return "";
  return ` within ±${bound}${ofLogits ? " (or set labels.encoding: float32)" : ""}`;
}

function boundOf(encoding: StoredEncoding): number {
  if (encoding === "int8") return INT8_MAX;
  return typeof encoding === "string" ? largestOf(encoding) : FLOAT32_MAX;
}

/**
 * Writes the logits of a row, which the encoding can hold, into `bytes` from byte `at` on.
 * @param logits those of the row, from `start` on
 * @param draws the row's own; asked for by `sampled` alone
 * @returns the byte after them
 */
export function writeRow(
  encoding: StoredEncoding,
  logits: Float32Array,
  start: number,
  classes: number,
  bytes: Uint8Array,
  at: number,
  draws: () => Pick<Rng, "uniform">,
): number {
  if (encoding === "int8") return writeInt8(logits, start, classes, bytes, at);
  if (typeof encoding === "string") {
    writeNumbers(encoding, logits.subarray(start, start + classes), bytes, at);
    return at + bytesOf(encoding, classes);
  }
  return encoding.kind === "top-k"
    ? writeTopK(encoding, logits, start, classes, bytes, at)
    : writeSampled(encoding, logits, start, classes, bytes, at, draws());
}

/** The stream of a row. @throws RangeError without any, which is a fault of the caller */
export function drawsOf(row: number, draws: DrawsOf | undefined): Pick<Rng, "uniform"> {
  if (!draws) throw new RangeError(`Cannot sample row ${row} without random numbers: expected draws`);
  return draws(row);
}

/**
 * Decodes the row of labels that starts at byte `from` of `bytes` into row `outRow` of `out`; any alignment. For `half`,
 * `float32` and `int8` logits as they were, whatever the reading; for the others logits whose softmax at
 * `reading.temperature` is the target there.
 * @param bytes in which `firstFault` has found nothing
 * @param out [?, classes]
 * @throws UndeclaredTemperature for top-k
 */
export function decodeRow(
  encoding: StoredEncoding,
  bytes: Uint8Array,
  from: number,
  classes: number,
  out: Float32Array,
  outRow: number,
  reading: Reading = PLAIN_READING,
): void {
  const start = outRow * classes;
  if (encoding === "int8") readInt8(bytes, from, classes, out, start);
  else if (typeof encoding === "string") readNumbers(encoding, bytes, from, classes, out, start);
  else if (encoding.kind === "top-k") readTopK(encoding, bytes, from, classes, out, start, reading);
  else readSampled(encoding, bytes, from, classes, out, start, reading.temperature);
}

/**
 * Which classes of a row have a number of their own: 1 into row `outRow` of `out`, 0 for those in the tail of top-k and
 * those that `sampled` did not draw. @param out [?, classes]
 */
export function decodeStored(
  encoding: StoredEncoding,
  bytes: Uint8Array,
  from: number,
  classes: number,
  out: Float32Array,
  outRow: number,
): void {
  const start = outRow * classes;
  if (typeof encoding === "string") out.fill(1, start, start + classes);
  else if (encoding.kind === "top-k") readTopKStored(encoding, bytes, from, classes, out, start);
  else readSampledStored(encoding, bytes, from, classes, out, start);
}

/**
 * Where a stored payload is no labels, in words: another size, a number that is not finite, a class that is none or comes
 * twice, counts that do not sum to the draws; undefined where it is: a reader trusts no writer.
 */
export function firstFault(
  encoding: StoredEncoding,
  classes: number,
  payload: Uint8Array,
): string | undefined {
  const width = bytesPerRow(encoding, classes);
  const rows = Math.floor(payload.byteLength / width);
  if (rows * width !== payload.byteLength) {
    return `row ${rows} has ${payload.byteLength - rows * width} of ${width} bytes`;
  }
  if (encoding === "half" || encoding === "float32") {
    const place = firstNotFinite(encoding, payload);
    return place < 0
      ? undefined
      : `row ${Math.floor(place / classes)} class ${place % classes} is not finite`;
  }
  for (let row = 0; row < rows; row++) {
    const fault = rowFault(encoding, classes, payload, row * width);
    if (fault !== undefined) return `row ${row} ${fault}`;
  }
  return undefined;
}

/** What is wrong with the row that starts at byte `from`, in words, or undefined. */
export function rowFault(
  encoding: StoredEncoding,
  classes: number,
  bytes: Uint8Array,
  from: number,
): string | undefined {
  if (encoding === "int8") return int8Fault(bytes, from);
  if (typeof encoding === "string") {
    const place = firstNotFinite(encoding, bytes.subarray(from, from + bytesOf(encoding, classes)));
    return place < 0 ? undefined : `class ${place} is not finite`;
  }
  return encoding.kind === "top-k"
    ? topKFault(encoding, bytes, from, classes)
    : sampledFault(encoding, bytes, from, classes);
}
