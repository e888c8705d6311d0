import { textTable } from "../../cli/view/textTable.ts";
import type { DistillPeer, DistillRow } from "./runDistill.ts";

const names: Readonly<Record<DistillPeer, string>> = {
  stillhouse: "stillhouse",
  "in-loop": "pytorch, teachers in the loop",
  cached: "pytorch, labels cached",
};

/** The rows as text for a screen. */
export function distillTable(rows: readonly DistillRow[]): string {
  return textTable([
    ["contestant", "epochs", "s", "processor s", "accuracy", "speed-up"],
    ...rows.map((row) => [
      names[row.contestant],
      String(row.epochs),
      row.seconds.toFixed(1),
      row.cpuSeconds.toFixed(0),
      `${(100 * row.accuracy).toFixed(2)}%`,
      row.speedUp === null ? "" : row.speedUp.toFixed(2),
    ]),
  ]);
}
