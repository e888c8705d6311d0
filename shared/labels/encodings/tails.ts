import { expOfScaled, SCALE } from "./expTable.ts";

/** Sums at a temperature, its half and its quarter, and at each that is asked for; kept between rows. */
const halved = new Float64Array(3);
let sums = new Float64Array(0);

/**
 * For each temperature T the sum of exp((z_j - max) / T) over the numbers of a row that are not its k largest. Each is
 * added, as a difference of sums would cancel. exp at half of a temperature is the square of exp there, and at a quarter
 * the square of that, with two and four times its relative error, so below 2e-9: such temperatures cost no exp.
 * @param numbers those of the row from `start` on, finite
 * @param max the largest of them, and `least` the least of the k largest
 * @param temperatures ascending
 * @returns one for each temperature; overwritten by the next call
 */
export function tailSums(
  numbers: Float32Array,
  start: number,
  count: number,
  k: number,
  max: number,
  least: number,
  temperatures: readonly number[],
): Float64Array {
  if (sums.length < temperatures.length) sums = new Float64Array(temperatures.length);
  for (let t = temperatures.length - 1; t >= 0; ) {
    const T = temperatures[t] as number;
    sumsFrom(numbers, start, start + count, count - k, max, least, SCALE / T);
    sums[t--] = halved[0] as number;
    if (temperatures[t] === T / 2) sums[t--] = halved[1] as number;
    if (temperatures[t] === T / 4) sums[t--] = halved[2] as number;
  }
  return sums;
}

/** @param left numbers that are not among the k largest */
function sumsFrom(
  numbers: Float32Array,
  start: number,
  end: number,
  left: number,
  max: number,
  least: number,
  scale: number,
): void {
  let below = 0;
  let whole = 0;
  let half = 0;
  let quarter = 0;
  for (let i = start; i < end; i++) {
    const value = numbers[i] as number;
    if (value >= least) continue;
    const power = expOfScaled((value - max) * scale);
    const square = power * power;
    below++;
    whole += power;
    half += square;
    quarter += square * square;
  }
  // The others are as large as the least of the k and found no place among them.
  const power = expOfScaled((least - max) * scale);
  halved[0] = whole + (left - below) * power;
  halved[1] = half + (left - below) * power ** 2;
  halved[2] = quarter + (left - below) * power ** 4;
}
