import { largestByHeap } from "./heap.ts";

/** Equal steps between a row's smallest and largest number. */
const BINS = 1024;
/** Numbers of a row from which on bins are worth their emptying. */
const BINNED_FROM = 256;
/** What a number costs that enters a heap, in numbers that are counted in bins. */
const ENTRY = 20;
/** Of the numbers' squared counts in their bins, times k: beyond it a heap is less work than insertion. */
const CROWDED = 16;

const bins = new Int32Array(BINS);
/** What is kept between rows, grown to the largest need seen: at most what a row has. */
let places = new Int32Array(0);
let values = new Float64Array(0);

/**
 * The k largest numbers of a row, by descending number and of equal ones the lower place first.
 *
 * Numbers are counted in bins, and those of the uppermost bins that together hold k are put in order, of a bin by
 * insertion: two passes over the row, and little more for each of the k. Where bins are crowded, as one number is far
 * from all others, a heap does it.
 * @param numbers those of the row from `start` on, finite; 1 <= k <= count
 * @returns places in the row, the first k are meant; overwritten by the next call
 */
export function largest(numbers: Float32Array, start: number, count: number, k: number): Int32Array {
  if (count < BINNED_FROM || fewEnter(count, k) || !byBins(numbers, start, count, k)) {
    grow(k);
    largestByHeap(numbers, start, count, k, places, values);
  }
  return places;
}

/** Whether a heap is less work than bins: it takes in about k (1 + ln(count / k)) numbers of a row in no order. */
function fewEnter(count: number, k: number): boolean {
  return k * (1 + Math.log(count / k)) * ENTRY < count;
}

/** @returns false, with nothing done, where bins are crowded */
function byBins(numbers: Float32Array, start: number, count: number, k: number): boolean {
  const end = start + count;
  let min = numbers[start] as number;
  let max = min;
  for (let i = start + 1; i < end; i++) {
    const value = numbers[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  // Rounding keeps order in a difference and in a product, so that a larger number is never in a lower bin.
  const scale = max > min ? (BINS - 1) / (max - min) : 0;
  const starts = bins.fill(0);
  for (let i = start; i < end; i++) {
    const bin = (((numbers[i] as number) - min) * scale) | 0;
    starts[bin] = (starts[bin] as number) + 1;
  }
  // From here on a bin says where its next number goes.
  let lowest = BINS;
  let taken = 0;
  let squares = 0;
  while (taken < k) {
    lowest--;
    const inBin = starts[lowest] as number;
    starts[lowest] = taken;
    taken += inBin;
    squares += inBin * inBin;
  }
  if (squares > CROWDED * k) return false;
  grow(taken);
  const ids = places;
  const sorted = values;
  // Most are below the bins that count, and told by one comparison; who is near their edge, by their bin.
  const edge = lowest === 0 ? min : min + ((lowest - 0.5) * (max - min)) / (BINS - 1);
  for (let i = start; i < end; i++) {
    const value = numbers[i] as number;
    if (value < edge) continue;
    const bin = ((value - min) * scale) | 0;
    if (bin < lowest) continue;
    const at = starts[bin] as number;
    starts[bin] = at + 1;
    ids[at] = i - start;
    sorted[at] = value;
  }
  insert(ids, sorted, taken);
  return true;
}

/** Puts numbers that are nearly so by descending value, equal ones as they came. */
function insert(ids: Int32Array, sorted: Float64Array, count: number): void {
  for (let i = 1; i < count; i++) {
    const value = sorted[i] as number;
    const id = ids[i] as number;
    let at = i;
    for (; at > 0 && (sorted[at - 1] as number) < value; at--) {
      sorted[at] = sorted[at - 1] as number;
      ids[at] = ids[at - 1] as number;
    }
    sorted[at] = value;
    ids[at] = id;
  }
}

function grow(size: number): void {
  if (places.length >= size) return;
  places = new Int32Array(size);
  values = new Float64Array(size);
}
