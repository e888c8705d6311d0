import type { Rng } from "../../determinism/rng.ts";
import type { SampledEncoding } from "../../protocol/storedEncoding.ts";
import { HALF_MAX, halfValues, toHalf } from "../half.ts";
import { NOTHING } from "../reading.ts";
import { expOfNegative } from "./expTable.ts";
import { idBytes, readId, writeId } from "./ids.ts";

/** exp summed up to each class, kept between rows. */
let cumulated = new Float64Array(0);

/** Distinct classes that a row has room for. */
function slotsOf({ draws }: SampledEncoding, classes: number): number {
  return Math.min(draws, classes);
}

/** Bytes of a row: for each slot a class, its count (16 bits) and its difference (half). */
export function sampledBytes(encoding: SampledEncoding, classes: number): number {
  return slotsOf(encoding, classes) * (idBytes(classes) + 4);
}

/**
 * Writes classes drawn with replacement from softmax(z / temperature) (random sampling with importance weights,
 * Anshumann et al., "Sparse Logit Sampling", 2025): the distinct ones by ascending number, how often each came, and
 * d_i = z_i - max z in half precision. Slots that are left over hold zeros.
 * @param logits those of the row, finite, from `start` on
 * @param rng of this row alone; `draws` numbers are taken
 * @returns the byte after the row
 */
export function writeSampled(
  encoding: SampledEncoding,
  logits: Float32Array,
  start: number,
  classes: number,
  bytes: Uint8Array,
  at: number,
  rng: Pick<Rng, "uniform">,
): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let c = start; c < start + classes; c++) if ((logits[c] as number) > max) max = logits[c] as number;
  if (cumulated.length < classes) cumulated = new Float64Array(classes);
  const upTo = cumulated;
  let sum = 0;
  for (let c = 0; c < classes; c++) {
    sum += expOfNegative(((logits[start + c] as number) - max) / encoding.temperature);
    upTo[c] = sum;
  }
  const drawn = new Uint32Array(encoding.draws);
  for (let draw = 0; draw < drawn.length; draw++) {
    drawn[draw] = firstAbove(upTo, classes, rng.uniform() * sum);
  }
  drawn.sort();
  const slots = slotsOf(encoding, classes);
  const width = idBytes(classes);
  const end = at + sampledBytes(encoding, classes);
  bytes.fill(0, at, end);
  for (let slot = 0, from = 0; from < drawn.length; slot++) {
    const id = drawn[from] as number;
    let to = from + 1;
    while (drawn[to] === id) to++;
    writeId(bytes, at + slot * width, width, id);
    writeId(bytes, at + slots * width + slot * 2, 2, to - from);
    const difference = toHalf(Math.max((logits[start + id] as number) - max, -HALF_MAX));
    writeId(bytes, at + slots * (width + 2) + slot * 2, 2, difference);
    from = to;
  }
  return end;
}

/** Place of the first above `value` of `count` ascending numbers; the last where none is. */
function firstAbove(ascending: Float64Array, count: number, value: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Reads a row into logits whose softmax at temperature T is
 *
 *   p_i ~ count_i exp(d_i / T - d_i / temperature)
 *
 * over the classes drawn, and 0 elsewhere: at the temperature of the draws count / draws, without bias; at another the
 * self-normalised importance weights, which are biased by O(1 / draws). The largest logit is 0.
 */
export function readSampled(
  encoding: SampledEncoding,
  bytes: Uint8Array,
  from: number,
  classes: number,
  out: Float32Array,
  start: number,
  T: number,
): void {
  const slots = slotsOf(encoding, classes);
  const width = idBytes(classes);
  out.fill(NOTHING * T, start, start + classes);
  const logits: number[] = [];
  let max = Number.NEGATIVE_INFINITY;
  for (let slot = 0; slot < slots; slot++) {
    const count = readId(bytes, from + slots * width + slot * 2, 2);
    if (count === 0) break;
    const difference = halfValues[readId(bytes, from + slots * (width + 2) + slot * 2, 2)] as number;
    const logit = T * Math.log(count) + difference * (1 - T / encoding.temperature);
    logits.push(logit);
    if (logit > max) max = logit;
  }
  for (const [slot, logit] of logits.entries()) {
    out[start + readId(bytes, from + slot * width, width)] = logit - max;
  }
}

/** Marks the classes that were drawn: 1 into `out` at `start`, 0 for the others. */
export function readSampledStored(
  encoding: SampledEncoding,
  bytes: Uint8Array,
  from: number,
  classes: number,
  out: Float32Array,
  start: number,
): void {
  const slots = slotsOf(encoding, classes);
  const width = idBytes(classes);
  out.fill(0, start, start + classes);
  for (let slot = 0; slot < slots; slot++) {
    if (readId(bytes, from + slots * width + slot * 2, 2) === 0) break;
    out[start + readId(bytes, from + slot * width, width)] = 1;
  }
}

/** What is wrong with a stored row, or undefined. */
export function sampledFault(
  encoding: SampledEncoding,
  bytes: Uint8Array,
  from: number,
  classes: number,
): string | undefined {
  const slots = slotsOf(encoding, classes);
  const width = idBytes(classes);
  let [drawn, before, over] = [0, -1, false];
  for (let slot = 0; slot < slots; slot++) {
    const id = readId(bytes, from + slot * width, width);
    const count = readId(bytes, from + slots * width + slot * 2, 2);
    const difference = halfValues[readId(bytes, from + slots * (width + 2) + slot * 2, 2)] as number;
    if (count === 0) {
      over = true;
      if (id !== 0 || !Object.is(difference, 0)) return `slot ${slot} is not empty and has no count`;
      continue;
    }
    if (over) return `slot ${slot} follows on an empty one`;
    if (id >= classes) return `slot ${slot} is class ${id} of ${classes}`;
    if (id <= before) return `class ${id} follows on class ${before}`;
    if (!(difference <= 0 && difference >= -HALF_MAX)) return `slot ${slot} is ${difference}`;
    drawn += count;
    before = id;
  }
  if (drawn !== encoding.draws) return `its counts sum to ${drawn} of ${encoding.draws} draws`;
  return undefined;
}
