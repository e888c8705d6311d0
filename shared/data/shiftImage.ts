/** By how many pixels an image is moved; negative: up, or to the left. */
export interface Shift {
  readonly down: number;
  readonly right: number;
}

/**
 * Moves an image over a ground of zeros: pixel (y, x) goes to (y + down, x + right), and what leaves the frame is lost.
 * @param from [height, width, channels], row-major
 * @param to of the same length, another array; all of it is written
 */
export function shiftImage(
  from: Float32Array,
  [height, width, channels]: readonly [number, number, number],
  { down, right }: Shift,
  to: Float32Array,
): void {
  to.fill(0);
  const columns = width - Math.abs(right);
  if (columns <= 0) return;
  const firstRow = Math.max(0, -down);
  const lastRow = height - Math.max(0, down);
  const source = Math.max(0, -right) * channels;
  const target = Math.max(0, right) * channels;
  for (let y = firstRow; y < lastRow; y++) {
    const row = y * width * channels + source;
    to.set(from.subarray(row, row + columns * channels), (y + down) * width * channels + target);
  }
}
