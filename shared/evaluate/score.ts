import type { Task } from "../config/tasks.ts";
import type { EpochPoint } from "./taskReportSchema.ts";

/** The one number of a task by which models are compared, weights kept, and the verdict decided. */
export interface ScoreKind {
  readonly name: string;
  readonly better: "higher" | "lower";
}

export const scoreKinds: Readonly<Record<Task, ScoreKind>> = {
  classification: { name: "accuracy", better: "higher" },
  "multi-label": { name: "mean average precision", better: "higher" },
  regression: { name: "RMSE", better: "lower" },
};

/** By how much a score is better than another: above 0 where it is, whichever direction is good. */
export function gainOver(task: Task, score: number, other: number): number {
  return scoreKinds[task].better === "higher" ? score - other : other - score;
}

/** The score on validation of the weights after an epoch. */
export function scoreOf(point: EpochPoint): number {
  return "validationAccuracy" in point ? point.validationAccuracy : point.validationScore;
}
