import type { TrainedTeacherSpec } from "../shared/config/teacherSpec.ts";
import type { TrainSpec } from "../shared/config/trainSpec.ts";
import type { CurvePoint } from "../shared/evaluate/reportSchema.ts";
import type { EpochPoint } from "../shared/evaluate/taskReportSchema.ts";
import { RunFailed } from "./failures.ts";

/**
 * Validation accuracy of the weights that a training kept: of its last epoch, or under `keep: best` of its best.
 * @param curve one point an epoch, at least one
 */
export function keptAccuracy(curve: readonly CurvePoint[], keep: TrainSpec["keep"]): number {
  const accuracies = curve.map(({ validationAccuracy }) => validationAccuracy);
  return keep === "best" ? Math.max(...accuracies) : (accuracies.at(-1) as number);
}

/**
 * The gate before distilling: a teacher that is not good enough teaches nothing. A cross-fitted teacher is as good as
 * its worst fold, as each labels samples that no other does.
 * @param trainings of all folds, or one; trained now or by an earlier run
 * @throws RunFailed naming the accuracy seen, the one asked for, and what to do
 */
export function requireReached(
  run: string,
  { name, train, crossFit, atLeast }: TrainedTeacherSpec,
  trainings: readonly { readonly curve: readonly EpochPoint[] }[],
): void {
  if (atLeast === undefined) return;
  const wanted = atLeast.validationAccuracy;
  trainings.forEach(({ curve }, fold) => {
    // A checked spec asks for an accuracy in classification alone.
    const accuracies = curve.filter((point): point is CurvePoint => "validationAccuracy" in point);
    const seen = keptAccuracy(accuracies, train.keep);
    if (seen >= wanted) return;
    const who = crossFit === undefined ? `teacher "${name}"` : `fold ${fold + 1} of teacher "${name}"`;
    throw new RunFailed(
      `Run ${run} failed as ${who} has a validation accuracy of ${percent(seen)}: atLeast.validationAccuracy asks for ${percent(wanted)}; train it better (more epochs, a larger model, other data), or lower the bound`,
      { fields: { run, teacher: name, fold, seen, wanted } },
    );
  });
}

/** With the digits that tell two accuracies apart. */
function percent(share: number): string {
  return `${Number((100 * share).toFixed(4))}%`;
}
