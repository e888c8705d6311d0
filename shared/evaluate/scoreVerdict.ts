import { differenceText, differenceUnit } from "./scoreText.ts";
import type { TaskReport } from "./taskReportSchema.ts";
import type { Difference, Verdict } from "./verdict.ts";

/** As `decideVerdict`, of a score of which more or less is better. */
export function scoreVerdict(
  difference: Difference | null,
  score: TaskReport["score"],
): { verdict: Verdict; verdictReason: string } {
  const shown = (value: number): string => differenceText(score, value);
  if (difference === null) {
    return {
      verdict: "not shown",
      verdictReason:
        "No student was trained without teachers (baseline: false), so there is nothing to compare with.",
    };
  }
  const { interval95, mean, perSeed } = difference;
  if (interval95 === null) {
    return {
      verdict: "not shown",
      verdictReason: `One seed gives no interval: the difference of ${shown(mean)} ${differenceUnit(score)} may be chance. Use three seeds or more.`,
    };
  }
  const [low, high] = interval95;
  const seen = `the 95% interval over ${perSeed.length} seeds, ${shown(low)} to ${shown(high)} ${differenceUnit(score)},`;
  if (low <= 0 && high >= 0) {
    return { verdict: "not shown", verdictReason: `0 lies in ${seen} so neither gain nor loss is shown.` };
  }
  const side = low > 0 ? "above" : "below";
  const good = score.better === "higher" ? "above" : "below";
  return {
    verdict: side === good ? "helped" : "harmed",
    verdictReason: `All of ${seen} lies ${side} 0, and ${score.better} is better.`,
  };
}
