/** A Markdown table with aligned columns, as the formatter of this repository leaves it; the first row is the head. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const escaped = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = (escaped[0] ?? []).map((_, column) =>
    Math.max(...escaped.map((row) => row[column]?.length ?? 0)),
  );
  const lines = escaped.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)));
  const [head = [], ...body] = lines;
  return [head, widths.map((width) => "-".repeat(width)), ...body]
    .map((cells) => `| ${cells.join(" | ")} |\n`)
    .join("");
}
