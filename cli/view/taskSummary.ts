import pc from "picocolors";
import { differenceText, differenceUnit, scoreText } from "../../shared/evaluate/scoreText.ts";
import type { TaskReport } from "../../shared/evaluate/taskReportSchema.ts";
import { summaryEnd } from "./summaryEnd.ts";

/** As `summarise`, of a task that is not classification, by its score. */
export function summariseTask(report: TaskReport, folder: string): string {
  const { score, teachers, ensemble, baseline, student, difference } = report;
  const row = (name: string, value: number, also = ""): string =>
    `  ${name.padEnd(28)} ${scoreText(score, value).padStart(9)}  ${pc.dim(also)}`;
  const over = (seeds: readonly unknown[], deviation: number | null): string =>
    deviation === null
      ? "one seed"
      : `± ${differenceText(score, deviation).replace("+", "")} over ${seeds.length} seeds`;
  const spread = (deviation: number | null): string => over(report.seeds, deviation);
  const unit = score.unit === "" ? "" : `, in ${score.unit}`;
  return [
    "",
    pc.bold(`${report.run}: test ${score.name}${unit} (${score.better} is better)`),
    ...teachers.map(({ name, score: own, source }) => row(`teacher ${name}`, own, source)),
    row(`ensemble (${ensemble.rule})`, ensemble.score),
    ...(baseline ? [row("student alone", baseline.score, spread(baseline.deviation))] : []),
    row("student", student.score, spread(student.deviation)),
    ...(report.moreStudents ?? []).flatMap((one) => [
      ...(one.baseline
        ? [row(`${one.name} alone`, one.baseline.score, over(one.seeds, one.baseline.deviation))]
        : []),
      row(one.name, one.student.score, `${over(one.seeds, one.student.deviation)}: ${one.verdict}`),
    ]),
    "",
    `${pc.bold(`Verdict: ${report.verdict}.`)} ${report.verdictReason}`,
    ...(difference?.interval95
      ? [
          `  difference ${differenceText(score, difference.mean)} ${differenceUnit(score)}, 95% interval ${differenceText(score, difference.interval95[0])} to ${differenceText(score, difference.interval95[1])}`,
        ]
      : []),
    ...summaryEnd(report, folder),
  ].join("\n");
}
