import { gainOver } from "./score.ts";
import { scoreText } from "./scoreText.ts";
import type { TaskReport } from "./taskReportSchema.ts";
import { busWarnings, numericsWarnings, studentWarnings } from "./warnings.ts";

interface Facts extends Pick<TaskReport, "task" | "score" | "bus" | "baseline" | "testReads"> {
  readonly teachers: readonly Pick<
    TaskReport["teachers"][number],
    "name" | "score" | "computers" | "outputWasProbabilities"
  >[];
  readonly seeds: readonly unknown[];
  readonly ensemble: Pick<TaskReport["ensemble"], "score" | "bestTeacher">;
}

/** What a reader should know before trusting the numbers, one sentence each. */
export function taskWarnings(facts: Facts): string[] {
  const { task, score, teachers, ensemble, baseline } = facts;
  const shown = (value: number): string => `${score.name} ${scoreText(score, value)}`;
  const best = teachers.find(({ name }) => name === ensemble.bestTeacher);
  const warnings: string[] = [];
  if (teachers.length > 1 && best && gainOver(task, ensemble.score, best.score) <= 0) {
    warnings.push(
      `The ensemble (${shown(ensemble.score)}) is not better than its best teacher ${best.name} (${shown(best.score)}): that teacher alone may serve as well.`,
    );
  }
  if (baseline && gainOver(task, ensemble.score, baseline.score) <= 0) {
    warnings.push(
      `The ensemble (${shown(ensemble.score)}) is not better than the student alone (${shown(baseline.score)}): there is no gap to close, and little to learn from it.`,
    );
  }
  for (const teacher of teachers) {
    warnings.push(...numericsWarnings(teacher));
    if (!teacher.outputWasProbabilities) continue;
    warnings.push(
      `Teacher ${teacher.name} gives probabilities, made logits by a floored log: what lay below the floor is lost. Export it with logits if you can.`,
    );
  }
  return [...warnings, ...studentWarnings(facts), ...busWarnings(facts)];
}
