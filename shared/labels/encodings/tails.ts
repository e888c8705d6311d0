import { expOfNegative } from "./expTable.ts";

/** exp((z - max) / T) of each class of a tail at the temperature last done, kept between rows. */
let powers = new Float64Array(0);
let sums = new Float64Array(0);

/**
 * For each temperature T the sum of exp((z_j - max) / T) over the numbers of a row that are not its k largest. Each is
 * added, as a difference of sums would cancel. Where T is half of the temperature above it, each exp is the square of the
 * one there, which doubles its relative error: of 5e-10 the two steps from 4 to 1 make 2e-9, and 15 make 1.6e-5.
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
  if (powers.length < count - k) powers = new Float64Array(count - k);
  for (let t = temperatures.length - 1; t >= 0; t--) {
    const T = temperatures[t] as number;
    sums[t] =
      temperatures[t + 1] === 2 * T
        ? squares(powers, count - k)
        : exps(numbers, start, count, max, least, 1 / T, powers.subarray(0, count - k));
  }
  return sums;
}

function exps(
  numbers: Float32Array,
  start: number,
  count: number,
  max: number,
  least: number,
  factor: number,
  out: Float64Array,
): number {
  let sum = 0;
  let n = 0;
  for (let i = start; i < start + count; i++) {
    const value = numbers[i] as number;
    if (value >= least) continue;
    const power = expOfNegative((value - max) * factor);
    out[n++] = power;
    sum += power;
  }
  // The others are as large as the least of the k and found no place among them.
  const power = expOfNegative((least - max) * factor);
  out.fill(power, n);
  return sum + (out.length - n) * power;
}

function squares(of: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const square = (of[i] as number) * (of[i] as number);
    of[i] = square;
    sum += square;
  }
  return sum;
}
