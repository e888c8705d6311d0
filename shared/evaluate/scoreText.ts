import type { TaskReport } from "./taskReportSchema.ts";

type Score = TaskReport["score"];

/** A score for people: shares in percent, numbers to four digits. */
export function scoreText({ unit }: Pick<Score, "unit">, value: number): string {
  return unit === "" ? `${(100 * value).toFixed(2)}%` : value.toPrecision(4);
}

/** The same of a difference, with its sign: shares in points, hundredths. */
export function differenceText({ unit }: Pick<Score, "unit">, value: number): string {
  const text = unit === "" ? (100 * value).toFixed(2) : value.toPrecision(3);
  if (Number(text) === 0) return unit === "" ? "0.00" : "0";
  return value > 0 ? `+${text}` : text;
}

/** What differences of it are counted in. */
export function differenceUnit({ unit, name }: Pick<Score, "unit" | "name">): string {
  return unit === "" ? `points of ${name}` : `of ${name}`;
}
