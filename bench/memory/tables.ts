import { textTable } from "../../cli/view/textTable.ts";
import type { MemoryRow } from "./memoryRow.ts";
import type { DeathsRow } from "./runDeaths.ts";

/** The rows as text for a screen, memory in MB. */
export function memoryTable(rows: readonly MemoryRow[]): string {
  return textTable([
    ["role", "start", "median", "end", "MB a million samples"],
    ...rows.map((row) => [
      row.role,
      row.startMb.toFixed(0),
      row.medianMb.toFixed(0),
      row.endMb.toFixed(0),
      row.slopeMbPerMillion.toFixed(1),
    ]),
  ]);
}

/** The rows as text for a screen. */
export function deathsTable(rows: readonly DeathsRow[]): string {
  return textTable([
    ["what", "before", "after", "more"],
    ...rows.map(({ what, before, after }) => [
      what,
      String(before),
      String(after),
      after > before ? String(after - before) : "",
    ]),
  ]);
}
