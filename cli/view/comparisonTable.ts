import pc from "picocolors";
import type { Comparison } from "../../shared/evaluate/comparison.ts";
import { scoreText } from "../../shared/evaluate/scoreText.ts";

/** A comparison for people: a line a variant, the chosen one marked, and what the test split says of it. */
export function comparisonTable(
  { score, variants, failed, chosen, onTest }: Comparison,
  folder: string,
): string {
  const width = Math.max(...[...variants, ...failed].map(({ name }) => name.length), "variant".length);
  const shares = score.unit === "";
  const size = (value: number): string => (shares ? (100 * value).toFixed(2) : value.toPrecision(3));
  const points = (value: number): string => `${value >= 0 ? "+" : "-"}${size(Math.abs(value))}`;
  const percent = (value: number): string => scoreText(score, value);
  const interval = (of: readonly [number, number] | null): string =>
    of ? `${points(of[0])} to ${points(of[1])}` : "one seed";
  const rows = variants.map(({ name, validation, deviation, difference, p, passesMade }, place) =>
    [
      place === chosen ? "*" : " ",
      name.padEnd(width),
      percent(validation).padStart(8),
      (deviation === null ? "" : `± ${size(deviation)}`).padEnd(7),
      (difference ? points(difference.mean) : "").padStart(7),
      (difference ? interval(difference.interval95) : "").padEnd(16),
      (p === null ? "" : p < 0.001 ? "<0.001" : p.toFixed(3)).padStart(6),
      passesMade.toLocaleString("en").padStart(10),
    ].join("  "),
  );
  const [first] = variants;
  const best = variants[chosen];
  return [
    "",
    pc.bold(
      `Validation ${score.name} of the students (${score.better} is better), mean over seeds; differences from the first${shares ? " in points" : ""}, seed by seed`,
    ),
    pc.dim(
      `   ${"variant".padEnd(width)}  ${(score.name === "accuracy" ? "accuracy" : "score").padStart(8)}  ${"".padEnd(7)}  ${"differ.".padStart(7)}  ${"95% interval".padEnd(16)}  ${"p".padStart(6)}  ${"new passes".padStart(10)}`,
    ),
    ...rows,
    ...failed.map(({ name, reason }) => `   ${name.padEnd(width)}  ${pc.red("failed:")} ${reason}`),
    "",
    onTest
      ? `Chosen on validation: ${best?.name}. On the test split it is ${points(onTest.mean)}${shares ? " points" : ""} from "${first?.name}" (95% interval ${interval(onTest.interval95)}).`
      : `Chosen on validation: ${best?.name}, as it was.`,
    ...(variants.length > 2
      ? [pc.dim("Each p is of one comparison: among many, a small one is to be expected by chance.")]
      : []),
    "",
    `Reports: ${folder}`,
  ].join("\n");
}
