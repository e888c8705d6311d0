import { largestByHeap } from "./heap.ts";

/** Equal steps between the smallest and the largest candidate. */
const BINS = 256;
/** Numbers of a row from which on a sample and bins are worth their making. */
const BINNED_FROM = 256;
/** One number in so many is in the sample. */
const STRIDE = 4;
/** What a number costs that enters a heap, in numbers of a row that bins handle. */
const ENTRY = 10;
/** Of the candidates' squared counts in their bins, times k: beyond it a heap is less work than insertion. */
const CROWDED = 16;

const bins = new Int32Array(BINS);
/** What is kept between rows, grown to the longest row seen: candidates, and then in order. */
let places = new Int32Array(0);
let values = new Float32Array(0);
let orderedPlaces = new Int32Array(0);
let orderedValues = new Float64Array(0);

/**
 * The k largest numbers of a row, by descending number and of equal ones the lower place first.
 *
 * A sample of the row tells a number that about k others exceed; who does is a candidate, and of them those in the
 * uppermost bins that together hold k are put in order, of a bin by insertion: one pass over the row, a quarter of one,
 * and little for each of the k. Where bins are crowded, as one number is far from all others, a heap does it.
 * @param numbers those of the row from `start` on, finite; 1 <= k <= count
 * @param order `least last`: of the first k only the last need be in its place, which is less work
 * @returns places in the row, the first k are meant; overwritten by the next call
 */
export function largest(
  numbers: Float32Array,
  start: number,
  count: number,
  k: number,
  order: "all" | "least last" = "all",
): Int32Array {
  if (places.length < count) {
    places = new Int32Array(count);
    values = new Float32Array(count);
    orderedPlaces = new Int32Array(count);
    orderedValues = new Float64Array(count);
  }
  if (count < BINNED_FROM || fewEnter(count, k) || !byBins(numbers, start, count, k, order)) {
    largestByHeap(numbers, start, count, k, orderedPlaces, orderedValues);
  }
  return orderedPlaces;
}

/** Whether a heap is less work than bins: it takes in about k (1 + ln(count / k)) numbers of a row in no order. */
function fewEnter(count: number, k: number): boolean {
  return k * (1 + Math.log(count / k)) * ENTRY < count;
}

/** @returns false, with nothing done, where bins are crowded */
function byBins(
  numbers: Float32Array,
  start: number,
  count: number,
  k: number,
  order: "all" | "least last",
): boolean {
  const likely = gather(numbers, start, count, likelyExceeded(numbers, start, count, k));
  const found = likely >= k ? likely : gather(numbers, start, count, Number.NEGATIVE_INFINITY);
  let min = values[0] as number;
  let max = min;
  for (let i = 1; i < found; i++) {
    const value = values[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  // Rounding keeps order in a difference and in a product, so that a larger number is never in a lower bin.
  const scale = max > min ? (BINS - 1) / (max - min) : 0;
  const starts = fill(values, found, min, scale);
  // From here on a bin says where its next number goes.
  let lowest = BINS;
  let taken = 0;
  let squares = 0;
  while (taken < k) {
    lowest--;
    const inBin = starts[lowest] as number;
    starts[lowest] = taken;
    taken += inBin;
    squares = order === "all" ? squares + inBin * inBin : inBin * inBin;
  }
  if (squares > CROWDED * k) return false;
  const unordered = order === "all" ? 0 : (starts[lowest] as number);
  for (let i = 0; i < found; i++) {
    const value = values[i] as number;
    const bin = ((value - min) * scale) | 0;
    if (bin < lowest) continue;
    const at = starts[bin] as number;
    starts[bin] = at + 1;
    orderedPlaces[at] = places[i] as number;
    orderedValues[at] = value;
  }
  insert(orderedPlaces, orderedValues, unordered, taken);
  return true;
}

/**
 * A number that more than k others likely exceed: the lower edge of the bin of a sample above which there are, scaled
 * to the row, k and two deviations more.
 */
function likelyExceeded(numbers: Float32Array, start: number, count: number, k: number): number {
  const sampled = Math.floor(count / STRIDE);
  let min = numbers[start] as number;
  let max = min;
  for (let i = 0; i < sampled; i++) {
    const value = numbers[start + i * STRIDE] as number;
    values[i] = value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const expected = k / STRIDE;
  const wanted = expected + 2 * Math.sqrt(expected) + 2;
  if (max === min || wanted > sampled) return Number.NEGATIVE_INFINITY;
  const starts = fill(values, sampled, min, (BINS - 1) / (max - min));
  let bin = BINS;
  for (let above = 0; above < wanted; ) above += starts[--bin] as number;
  return min + (bin * (max - min)) / (BINS - 1);
}

/** How many numbers are in each bin. */
function fill(of: Float32Array, count: number, min: number, scale: number): Int32Array {
  const starts = bins.fill(0);
  for (let i = 0; i < count; i++) {
    const bin = (((of[i] as number) - min) * scale) | 0;
    starts[bin] = (starts[bin] as number) + 1;
  }
  return starts;
}

/** Makes candidates of all numbers that are not below `bound`. @returns how many these are */
function gather(numbers: Float32Array, start: number, count: number, bound: number): number {
  const ids = places;
  const kept = values;
  let found = 0;
  for (let i = 0; i < count; i++) {
    const value = numbers[start + i] as number;
    // Written whether it stays or not: who stays is no pattern, and a branch would be foretold wrongly at most of them.
    ids[found] = i;
    kept[found] = value;
    found += Number(value >= bound);
  }
  return found;
}

/** Puts numbers from `from` to `end` - 1 that are nearly so by descending value, equal ones as they came. */
function insert(ids: Int32Array, sorted: Float64Array, from: number, end: number): void {
  for (let i = from + 1; i < end; i++) {
    const value = sorted[i] as number;
    const id = ids[i] as number;
    let at = i;
    for (; at > from && (sorted[at - 1] as number) < value; at--) {
      sorted[at] = sorted[at - 1] as number;
      ids[at] = ids[at - 1] as number;
    }
    sorted[at] = value;
    ids[at] = id;
  }
}
