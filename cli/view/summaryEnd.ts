import { join } from "node:path";
import pc from "picocolors";
import type { AnyReport } from "../../shared/evaluate/taskReportSchema.ts";
import { clockTime } from "./render.ts";

/** What the end of a run says of any task: passes, weights, warnings, and where the report is. */
export function summaryEnd(
  { teacherPasses, student, labelLog, totalSeconds, warnings }: AnyReport,
  folder: string,
): string[] {
  return [
    `Teacher passes: ${teacherPasses.made.toLocaleString("en")} samples made, ${teacherPasses.saved.toLocaleString("en")} saved by the label log.`,
    ...(labelLog.readAgain
      ? [
          `Labels read again: ${(labelLog.readAgain.bytes / 1e6).toFixed(1)} MB, for which student.labelStoreBytes has no room.`,
        ]
      : []),
    `Weights of the first student: ${student.weightsHash.slice(0, 16)}…  Time: ${clockTime(totalSeconds)}.`,
    ...warnings.map((warning) => pc.yellow(`Note: ${warning}`)),
    "",
    `Report: ${join(folder, "report.html")}`,
  ];
}
