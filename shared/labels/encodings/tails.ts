import { expOfNegative } from "./expTable.ts";

/** exp((z - max) / T) of each class at the temperature last done, kept between rows. */
let powers = new Float64Array(0);
let sums = new Float64Array(0);

/**
 * For each temperature T the sum of exp((z_j - max) / T) over the numbers of a row that are not its k largest. Each is
 * added, as a difference of sums would cancel; where T is half of the temperature above it, each exp is the square of
 * the one there, which doubles its relative error: after 15 halvings 5e-10 * 2^15 = 1.6e-5, after the 2 from 4 to 1 2e-9.
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
  if (powers.length < count) powers = new Float64Array(count);
  // What is as large as the least of the k and found no place among them.
  let left = -k;
  for (let i = start; i < start + count; i++) if ((numbers[i] as number) >= least) left++;
  for (let t = temperatures.length - 1; t >= 0; t--) {
    const T = temperatures[t] as number;
    const sum =
      temperatures[t + 1] === 2 * T
        ? squares(powers, count)
        : exps(numbers, start, count, max, least, 1 / T, powers);
    sums[t] = sum + left * expOfNegative((least - max) / T);
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
  for (let i = 0; i < count; i++) {
    const value = numbers[start + i] as number;
    const power = value < least ? expOfNegative((value - max) * factor) : 0;
    out[i] = power;
    sum += power;
  }
  return sum;
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
