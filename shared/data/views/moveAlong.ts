/**
 * Moves numbers towards the end (or the start, if `by` is negative) of their own range, in which zeros take their place.
 * @param size of the range, from `at` on; more than `by` either way
 */
export function moveAlong(inputs: Float32Array, at: number, size: number, by: number): void {
  if (by >= 0) {
    inputs.copyWithin(at + by, at, at + size - by);
    inputs.fill(0, at, at + by);
  } else {
    inputs.copyWithin(at, at - by, at + size);
    inputs.fill(0, at + size + by, at + size);
  }
}
