import { median } from "../shared/evaluate/median.ts";

/** The value that a tenth of all, and at least one, do not exceed: what an undisturbed machine does. */
export function fastestDecile(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("Cannot take a statistic of 0 values: expected 1 or more");
  const ascending = [...values].sort((a, b) => a - b);
  return ascending[Math.ceil(values.length / 10) - 1] as number;
}

/**
 * Slope of a line through points, of which a few may lie far off: the median of the slopes between all pairs (Theil, Sen).
 * @param points [x, y], two of different x at least
 */
export function robustSlope(points: readonly (readonly [number, number])[]): number {
  const slopes: number[] = [];
  points.forEach(([x, y], i) => {
    for (const [otherX, otherY] of points.slice(i + 1)) {
      if (otherX !== x) slopes.push((otherY - y) / (otherX - x));
    }
  });
  return median(slopes);
}
