/** Middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]] as [number, number];
  return (low + high) / 2;
}

/** The value that a tenth of all, and at least one, do not exceed: what an undisturbed machine does. */
export function fastestDecile(values: readonly number[]): number {
  return ascending(values)[Math.ceil(values.length / 10) - 1] as number;
}

function ascending(values: readonly number[]): number[] {
  if (values.length === 0) throw new RangeError("Cannot take a statistic of 0 values: expected 1 or more");
  return [...values].sort((a, b) => a - b);
}
