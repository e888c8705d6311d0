/** Whole numbers for people: 12,345. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** Bytes for people, in the largest unit that leaves a digit before the point. */
export function size(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"] as const;
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** One or more of something: "1 run", "2 runs". */
export function many(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? "" : "s"}`;
}
