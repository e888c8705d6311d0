import type { Row } from "./rows.ts";

const head = ["case", "batch", "optimizer", "backend", "peer", "median", "decile", "graph", "cpu", "/ eager"];
/** From here on columns hold numbers. */
const NUMBERS = 5;

/** The rows as text for a screen, times in milliseconds. */
export function table(rows: readonly Row[]): string {
  const lines = [
    head,
    ...rows.map((row) => [
      row.case,
      String(row.batch),
      row.optimizer ?? "",
      row.backend,
      row.peer ?? "",
      ...(row.unavailable === null
        ? [row.medianMs, row.fastestDecileMs, row.graphMs, row.cpuMs, row.ratioToPyTorchEager].map(
            threeDigits,
          )
        : []),
    ]),
  ];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line, i) => {
      const cells = line.map((cell, column) => {
        const width = widths[column] as number;
        return column < NUMBERS ? cell.padEnd(width) : cell.padStart(width);
      });
      const why = rows[i - 1]?.unavailable ?? null;
      return (why === null ? cells : [...cells, why]).join("  ").trimEnd();
    })
    .join("\n");
}

function threeDigits(value: number | null): string {
  if (value === null) return "";
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
