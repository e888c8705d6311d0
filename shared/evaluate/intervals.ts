import { studentTQuantile } from "./studentT.ts";

export type Interval = readonly [low: number, high: number];

/** Arithmetic mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** Sample standard deviation (divisor n - 1); null for fewer than two values, of which none exists. */
export function sampleDeviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / (values.length - 1));
}

/**
 * 95% interval of the mean of independent values: mean +- t(0.975, n - 1) s / sqrt(n). Given the differences of pairs it
 * is the interval of the paired difference. Null for fewer than two values; a point where all are equal.
 */
export function meanInterval95(values: readonly number[]): Interval | null {
  const deviation = sampleDeviation(values);
  if (deviation === null) return null;
  // Equal values may leave a deviation of rounding errors: their mean need not equal them.
  const first = values[0] ?? Number.NaN;
  if (values.every((v) => v === first)) return [first, first];
  const half = (studentTQuantile(0.975, values.length - 1) * deviation) / Math.sqrt(values.length);
  return [mean(values) - half, mean(values) + half];
}

/** 95% point of the normal distribution, two-sided. */
const Z95 = 1.959963984540054;

/**
 * 95% interval of a share by Wilson's score (1927), good near 0 and 1 too.
 * @param share observed, 0 to 1
 * @param n samples that it was observed on, > 0
 */
export function wilsonInterval95(share: number, n: number): Interval {
  const z2 = Z95 * Z95;
  const centre = share + z2 / (2 * n);
  const half = Z95 * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n));
  return [Math.max(0, (centre - half) / (1 + z2 / n)), Math.min(1, (centre + half) / (1 + z2 / n))];
}
