import { textTable } from "../../cli/view/textTable.ts";
import type { OverlapRow } from "./runOverlap.ts";

/** The rows as text for a screen. */
export function overlapTable(rows: readonly OverlapRow[]): string {
  return textTable([
    ["case", "nodes", "offered / needed", "steps/s", "/ alone", "waiting"],
    ...rows.map((row) => [
      row.case,
      row.nodes === 0 ? "" : String(row.nodes),
      row.offered?.toFixed(2) ?? "",
      row.stepsPerS.toFixed(1),
      row.ofAlone.toFixed(2),
      row.waiting === null ? "" : `${(100 * row.waiting).toFixed(1)}%`,
    ]),
  ]);
}
