import { StillhouseError } from "../../errors.ts";
import type { TopKEncoding } from "../../protocol/storedEncoding.ts";
import { NOTHING, type Reading } from "../reading.ts";
import { readFloat, writeFloat } from "./floats.ts";
import { largest } from "./largest.ts";
import { packedSlots } from "./packedSlots.ts";
import { plainSlots } from "./plainSlots.ts";
import { type SlotCodec, scratchSlots } from "./slots.ts";
import { tailSums } from "./tails.ts";

/** A tail asked for at a temperature at which it was not stored. */
export class UndeclaredTemperature extends StillhouseError {}

/** Rounding of a tail to float32, and of a sum over all classes, may exceed its bound by this share. */
const TAIL_SLACK = 1e-3;

/** Classes that a row lists. */
function slotsOf({ k }: TopKEncoding, classes: number): number {
  return Math.min(k, classes);
}

function codecOf({ packed }: TopKEncoding): SlotCodec {
  return packed ? packedSlots : plainSlots;
}

/** Bytes of a row: its classes and their differences, and a float32 for each temperature. */
export function topKBytes(encoding: TopKEncoding, classes: number): number {
  return codecOf(encoding).bytes(slotsOf(encoding, classes), classes) + 4 * encoding.temperatures.length;
}

/**
 * Writes the k classes of the largest logits of a row, of equal ones the lower number first, with d_i = z_i - max z, and
 * for each temperature T the log of what the others sum to,
 *
 *   tail_T = log sum_{j not among the k} exp((z_j - max z) / T),
 *
 * in float32; NOTHING where there are no others, or they sum to less than float64 holds. The tail at one temperature is
 * no function of the tail at another, so each is stored.
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
  const codec = codecOf(encoding);
  const top = largest(logits, start, classes, k, codec.needs);
  let max = logits[start + (top[0] as number)] as number;
  for (let slot = 1; slot < k; slot++) max = Math.max(max, logits[start + (top[slot] as number)] as number);
  const least = logits[start + (top[k - 1] as number)] as number;
  const slots = scratchSlots(k);
  for (let slot = 0; slot < k; slot++) {
    const id = top[slot] as number;
    slots.ids[slot] = id;
    slots.differences[slot] = (logits[start + id] as number) - max;
  }
  let from = codec.write(slots, k, classes, bytes, at);
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
  const codec = codecOf(encoding);
  const others = classes - k;
  const tails = from + codec.bytes(k, classes);
  const other = others === 0 ? 0 : tailLogit(encoding, bytes, tails, others, reading);
  const { ids, differences } = scratchSlots(k);
  codec.read(bytes, from, k, classes, { ids, differences });
  out.fill(other, start, start + classes);
  for (let slot = 0; slot < k; slot++) {
    out[start + (ids[slot] as number)] = differences[slot] as number;
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
  const k = slotsOf(encoding, classes);
  const slots = scratchSlots(k);
  codecOf(encoding).read(bytes, from, k, classes, slots);
  out.fill(0, start, start + classes);
  for (let slot = 0; slot < k; slot++) out[start + (slots.ids[slot] as number)] = 1;
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
  const codec = codecOf(encoding);
  const wrong = codec.fault(bytes, from, k, classes);
  if (wrong !== undefined) return wrong;
  const tails = from + codec.bytes(k, classes);
  const bound = Math.log(Math.max(classes - k, 1)) + TAIL_SLACK;
  for (const [i, T] of encoding.temperatures.entries()) {
    const tail = readFloat(bytes, tails + i * 4);
    if (!(tail >= NOTHING && tail <= bound)) return `the tail at temperature ${T} is ${tail}`;
  }
  return undefined;
}
