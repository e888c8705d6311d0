import { textTable } from "../../cli/view/textTable.ts";
import type { SubjectsRow } from "./manySubjects.ts";
import type { LoadRow } from "./offeredLoad.ts";
import type { PipelineRow } from "./pipelineRow.ts";

/** The rows as text for a screen; what is labelled of what is offered only where that was set. */
export function pipelineTable(rows: readonly (PipelineRow | LoadRow)[]): string {
  return textTable([
    ["case", "classes", "nodes", "samples/s", "MB/s", "/ raw", "efficiency"],
    ...rows.map((row) => [
      row.case,
      String(row.classes),
      String(row.nodes),
      row.samplesPerS.toFixed(0),
      row.mbPerS.toPrecision(3),
      row.ratioToRaw.toFixed(2),
      "efficiency" in row ? row.efficiency.toFixed(3) : "",
    ]),
  ]);
}

/** The rows as text for a screen. */
export function subjectsTable(rows: readonly SubjectsRow[]): string {
  return textTable([
    ["case", "subjects", "seconds"],
    ...rows.map((row) => [row.case, String(row.subjects), row.seconds.toPrecision(3)]),
  ]);
}
