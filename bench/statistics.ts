/** The value that a tenth of all, and at least one, do not exceed: what an undisturbed machine does. */
export function fastestDecile(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("Cannot take a statistic of 0 values: expected 1 or more");
  const ascending = [...values].sort((a, b) => a - b);
  return ascending[Math.ceil(values.length / 10) - 1] as number;
}
