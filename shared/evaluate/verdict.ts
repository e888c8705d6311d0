import { type Interval, mean, meanInterval95 } from "./intervals.ts";

export type Verdict = "helped" | "harmed" | "not shown";

export interface Difference {
  /** Mean over seeds of the student's accuracy less that of the same student alone; -1 to 1. */
  readonly mean: number;
  /** Its 95% interval over seeds; null for one seed. */
  readonly interval95: Interval | null;
  /** The difference of each seed, in the order of the spec. */
  readonly perSeed: readonly number[];
}

/** The paired difference of accuracies over seeds; null without any pair. */
export function pairedDifference(
  pairs: readonly { readonly student: number; readonly baseline: number }[],
): Difference | null {
  if (pairs.length === 0) return null;
  const perSeed = pairs.map((pair) => pair.student - pair.baseline);
  return { mean: mean(perSeed), interval95: meanInterval95(perSeed), perSeed };
}

/**
 * "helped" only where the whole 95% interval of the paired difference lies above 0, "harmed" where it lies below 0,
 * otherwise "not shown", which is not the same as "no difference". Numbers are in accuracy points (hundredths).
 */
export function decideVerdict(difference: Difference | null): { verdict: Verdict; verdictReason: string } {
  if (difference === null) {
    return {
      verdict: "not shown",
      verdictReason:
        "No student was trained without teachers (baseline: false), so there is nothing to compare with.",
    };
  }
  const { interval95 } = difference;
  if (interval95 === null) {
    return {
      verdict: "not shown",
      verdictReason: `One seed gives no interval: the difference of ${signedPoints(difference.mean)} points may be chance. Use three seeds or more.`,
    };
  }
  const [low, high] = interval95;
  const seen = `the 95% interval over ${difference.perSeed.length} seeds, ${signedPoints(low)} to ${signedPoints(high)} points,`;
  if (low > 0) return { verdict: "helped", verdictReason: `All of ${seen} lies above 0.` };
  if (high < 0) return { verdict: "harmed", verdictReason: `All of ${seen} lies below 0.` };
  return { verdict: "not shown", verdictReason: `0 lies in ${seen} so neither gain nor loss is shown.` };
}

function signedPoints(share: number): string {
  const text = (100 * share).toFixed(2);
  if (Number(text) === 0) return "0.00";
  return share > 0 ? `+${text}` : text;
}
