import type { LabelsRow } from "./runLabels.ts";

const head = [
  "classes",
  "outputs",
  "encoding",
  "bytes",
  "encode",
  "decode",
  "limit",
  "/ copy",
  "/ copy",
  "KL T=1",
  "KL T=2",
  "KL T=4",
  "of",
];
/** Columns of words; the others hold numbers. */
const WORDS = new Set([1, 2, 12]);

/** The rows as text for a screen; MB/s of dense float32 on one core, divergences in nats. */
export function labelsTable(rows: readonly LabelsRow[]): string {
  const lines = [head, ...rows.map(cells)];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          WORDS.has(column) ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function cells(row: LabelsRow): string[] {
  return [
    text(row.classes),
    row.outputs ?? "",
    row.encoding,
    text(row.bytesPerSample),
    text(row.encode && Math.round(row.encode.perCore)),
    text(row.decode && Math.round(row.decode.perCore)),
    text(row.limit),
    row.encodeToCopy?.toPrecision(2) ?? "",
    row.decodeToCopy?.toPrecision(2) ?? "",
    ...[0, 1, 2].map((t) => row.divergence?.[t]?.toPrecision(2) ?? ""),
    row.unavailable ?? row.compared ?? "",
  ];
}

function text(value: number | null): string {
  return value === null ? "" : String(value);
}
