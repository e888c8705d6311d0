/**
 * Middle value; the mean of the two middle ones of an even number.
 * @throws RangeError for no values
 */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("Cannot take the median of 0 values: expected 1 or more");
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1], sorted[Math.floor(half)]] as [number, number];
  return (low + high) / 2;
}
