import { StillhouseError } from "../../errors.ts";
import type { TopKEncoding } from "../../protocol/storedEncoding.ts";
import { HALF_MAX, halfValues, toHalf } from "../half.ts";
import { NOTHING, type Reading } from "../reading.ts";
import { readFloat, writeFloat } from "./floats.ts";
import { idBytes, readId, writeId } from "./ids.ts";
import { largest } from "./largest.ts";
import { tailSums } from "./tails.ts";

/** A tail asked for at a temperature at which it was not stored. */
export class UndeclaredTemperature extends StillhouseError {}

/** Rounding of a tail to float32, and of a sum over all classes, may exceed its bound by this share. */
const TAIL_SLACK = 1e-3;

/** Classes that a row lists. */
function slotsOf({ k }: TopKEncoding, classes: number): number {
  return Math.min(k, classes);
}

/** Bytes of a row: min(k, classes) numbers of classes and halves, and a float32 for each temperature. */
export function topKBytes(encoding: TopKEncoding, classes: number): number {
  return slotsOf(encoding, classes) * (idBytes(classes) + 2) + 4 * encoding.temperatures.length;
}

/**
 * Writes the k classes of the largest logits of a row, by descending logit and of equal ones the lower number first:
 * their numbers, d_i = z_i - max z in half precision, and for each temperature T the log of what the others sum to,
 *
 *   tail_T = log sum_{j not among the k} exp((z_j - max z) / T),
 *
 * in float32; NOTHING where there are no others, or they sum to less than float64 holds. The tail at one temperature is
 * no function of the tail at another, so each is stored. d is at most 0, and half precision is finest there where it
 * counts: of d in (-2^n, -2^(n-1)] the error is at most 2^(n-12).
 * @param logits those of the row, finite, from `start` on
 * @returns the byte after the row
 */
export function writeTopK(
  encoding: TopKEncoding,
  logits: Float32Array,
  start: number,
  classes: number,
  bytes: Uint8Array,
  at: number,
): number {
  const k = slotsOf(encoding, classes);
  const width = idBytes(classes);
  const top = largest(logits, start, classes, k);
  const max = logits[start + (top[0] as number)] as number;
  let from = at;
  for (let slot = 0; slot < k; slot++) {
    const id = top[slot] as number;
    writeId(bytes, from, width, id);
    const difference = toHalf(Math.max((logits[start + id] as number) - max, -HALF_MAX));
    writeId(bytes, at + k * width + slot * 2, 2, difference);
    from += width;
  }
  from += 2 * k;
  const least = logits[start + (top[k - 1] as number)] as number;
  const sums = tailSums(logits, start, classes, k, max, least, encoding.temperatures);
  for (let t = 0; t < encoding.temperatures.length; t++) {
    writeFloat(bytes, from, Math.max(Math.log(sums[t] as number), NOTHING));
    from += 4;
  }
  return from;
}

/**
 * Reads a row into logits whose softmax at `reading.temperature` is the target there:
 *
 *   p_i = exp(d_i / T) / (sum_top exp(d_j / T) + exp(tail_T))
 *
 * for the k, and by `reading.tail` for the others.
 * @throws UndeclaredTemperature
 */
export function readTopK(
  encoding: TopKEncoding,
  bytes: Uint8Array,
  from: number,
  classes: number,
  out: Float32Array,
  start: number,
  reading: Reading,
): void {
  const k = slotsOf(encoding, classes);
  const width = idBytes(classes);
  const others = classes - k;
  out.fill(
    others === 0 ? 0 : tailLogit(encoding, bytes, from + k * (width + 2), others, reading),
    start,
    start + classes,
  );
  for (let slot = 0; slot < k; slot++) {
    const half = readId(bytes, from + k * width + slot * 2, 2);
    out[start + readId(bytes, from + slot * width, width)] = halfValues[half] as number;
  }
}

/** Marks the classes that a row lists: 1 into `out` at `start`, 0 for the others. */
export function readTopKStored(
  encoding: TopKEncoding,
  bytes: Uint8Array,
  from: number,
  classes: number,
  out: Float32Array,
  start: number,
): void {
  const width = idBytes(classes);
  out.fill(0, start, start + classes);
  for (let slot = 0; slot < slotsOf(encoding, classes); slot++) {
    out[start + readId(bytes, from + slot * width, width)] = 1;
  }
}

/** The logit of each of the others. @param at where the tails stand */
function tailLogit(
  { temperatures }: TopKEncoding,
  bytes: Uint8Array,
  at: number,
  others: number,
  { temperature, tail, undeclared }: Reading,
): number {
  if (tail === "renormalised") return NOTHING * temperature;
  let place = temperatures.indexOf(temperature);
  if (place < 0) {
    if (undeclared === "refuse") {
      throw new UndeclaredTemperature(
        `Cannot read top-k labels at temperature ${temperature} as their tails are stored at [${temperatures.join(", ")}]: expected one of these; add it to labels.encoding.temperatures, or set undeclared: uniform beside them`,
        { fields: { temperature, temperatures } },
      );
    }
    place = nearest(temperatures, temperature);
  }
  return (temperatures[place] as number) * (readFloat(bytes, at + place * 4) - Math.log(others));
}

/** Place of the temperature nearest by ratio, of two that are alike the lower. */
function nearest(temperatures: readonly number[], temperature: number): number {
  const distances = temperatures.map((stored) => Math.abs(Math.log(stored / temperature)));
  return distances.indexOf(Math.min(...distances));
}

/** What is wrong with a stored row, or undefined. */
export function topKFault(
  encoding: TopKEncoding,
  bytes: Uint8Array,
  from: number,
  classes: number,
): string | undefined {
  const k = slotsOf(encoding, classes);
  const width = idBytes(classes);
  const ids = new Uint32Array(k);
  let above = 0;
  for (let slot = 0; slot < k; slot++) {
    const id = readId(bytes, from + slot * width, width);
    if (id >= classes) return `slot ${slot} is class ${id} of ${classes}`;
    ids[slot] = id;
    const difference = halfValues[readId(bytes, from + k * width + slot * 2, 2)] as number;
    if (!(difference <= above && difference >= -HALF_MAX)) {
      return `slot ${slot} is ${difference} after ${above}`;
    }
    above = difference;
  }
  ids.sort();
  for (let i = 1; i < k; i++) if (ids[i] === ids[i - 1]) return `class ${ids[i]} comes twice`;
  const tails = from + k * (width + 2);
  const bound = Math.log(Math.max(classes - k, 1)) + TAIL_SLACK;
  for (const [i, T] of encoding.temperatures.entries()) {
    const tail = readFloat(bytes, tails + i * 4);
    if (!(tail >= NOTHING && tail <= bound)) return `the tail at temperature ${T} is ${tail}`;
  }
  return undefined;
}
