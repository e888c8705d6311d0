import pc from "picocolors";
import { type AnyReport, isTaskReport } from "../../shared/evaluate/taskReportSchema.ts";
import { summaryEnd } from "./summaryEnd.ts";
import { summariseTask } from "./taskSummary.ts";

/** The end of a run for people: who reached what, whether distillation helped, and where the report is. */
export function summarise(report: AnyReport, folder: string): string {
  if (isTaskReport(report)) return summariseTask(report, folder);
  const { teachers, ensemble, baseline, student, difference } = report;
  const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;
  const row = (name: string, accuracy: number | null, also = ""): string =>
    `  ${name.padEnd(28)} ${(accuracy === null ? "–" : percent(accuracy)).padStart(7)}  ${pc.dim(also)}`;
  const over = (seeds: readonly unknown[], deviation: number | null): string =>
    deviation === null ? "one seed" : `± ${(deviation * 100).toFixed(2)} over ${seeds.length} seeds`;
  const spread = (deviation: number | null): string => over(report.seeds, deviation);
  return [
    "",
    pc.bold(`${report.run}: test accuracy`),
    ...teachers.map(({ name, accuracy, source }) => row(`teacher ${name}`, accuracy, source)),
    ...(ensemble ? [row(`ensemble (${ensemble.rule})`, ensemble.accuracy)] : []),
    ...(baseline ? [row("student alone", baseline.accuracy, spread(baseline.deviation))] : []),
    row("student", student.accuracy, spread(student.deviation)),
    ...(report.moreStudents ?? []).flatMap((one) => [
      ...(one.baseline
        ? [row(`${one.name} alone`, one.baseline.accuracy, over(one.seeds, one.baseline.deviation))]
        : []),
      row(one.name, one.student.accuracy, `${over(one.seeds, one.student.deviation)}: ${one.verdict}`),
    ]),
    "",
    `${pc.bold(`Verdict: ${report.verdict}.`)} ${report.verdictReason}`,
    ...(difference?.interval95
      ? [
          `  difference ${(difference.mean * 100).toFixed(2)} points, 95% interval ${(difference.interval95[0] * 100).toFixed(2)} to ${(difference.interval95[1] * 100).toFixed(2)}`,
        ]
      : []),
    ...summaryEnd(report, folder),
  ].join("\n");
}
