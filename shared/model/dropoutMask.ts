import { fillMask } from "../compute/simd/fillMask.ts";
import { rngOf, type Seed } from "./seed.ts";

/**
 * Fills an array with the dropout mask of a step and layer: each value is 0 with probability `rate` and else
 * 1 / (1 - rate), and depends on its place in the array alone.
 * @param mask row-major values; in place, and so fastest, where it is of an Arena
 */
export function fillDropoutMask(
  mask: Float32Array,
  rate: number,
  seed: Seed,
  step: number,
  layer: string,
): void {
  fillMask(mask, rate, rngOf(seed, "mask", step, layer));
}
