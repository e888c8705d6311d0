import { basename, relative, resolve } from "node:path";
import type { Preprocessing } from "../../shared/compute/predictors/likelyMappings.ts";
import type { ScoredPreprocessing } from "../../shared/compute/predictors/scorePreprocessing.ts";
import { type ModelFileSpec, ModelMapping } from "../../shared/config/modelFileSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";

/** What was measured, in lines for people. */
export function scoredLines(
  { accuracy, compared, tried, better, output }: ScoredPreprocessing,
  mapping: ModelMapping,
  { name, classes }: Dataset,
  samples: string,
): string[] {
  const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
  return [
    `${percent(accuracy)} right on ${samples} samples of ${name}, with ${inWords(mapping)}; chance is ${percent(1 / classes)}`,
    ...(output === mapping.output ? [] : [`its outputs look like ${output}, not ${mapping.output}`]),
    `on the first ${compared} of them, by what its inputs may have been:`,
    ...tried.map(
      ({ accuracy, usual, preprocessing }) =>
        `  ${percent(accuracy).padStart(7)}  ${usual.padEnd(40)} ${inWords(preprocessing)}`,
    ),
    ...(better ? [`likely: ${better.usual}; the spec below says so`] : []),
  ];
}

function inWords({ scale, mean, deviation }: Preprocessing): string {
  const text = (value: number | readonly number[]): string =>
    typeof value === "number" ? `${value}` : `[${value.join(", ")}]`;
  return `scale ${scale}, mean ${text(mean)}, deviation ${text(deviation)}`;
}

/**
 * A teacher as a spec has it, of what is not the default.
 * @param folder of the spec, to which its paths are relative
 */
export function fragment(
  path: string,
  folder: string,
  format: ModelFileSpec["format"],
  { output, ...rest }: ModelMapping,
  note?: string,
): string[] {
  const defaults: Record<string, unknown> = ModelMapping.parse({ output });
  const name = basename(path)
    .replace(/\.(onnx|json)$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  const more = Object.entries(rest).filter(
    ([key, value]) => JSON.stringify(defaults[key]) !== JSON.stringify(value),
  );
  return [
    "teachers:",
    `  - name: ${name || "teacher"}`,
    "    model:",
    `      format: ${format}`,
    `      path: ${JSON.stringify(relative(folder, resolve(path)))} # from the spec's folder`,
    `      output: ${output}${note ? ` # ${note}` : ""}`,
    ...more.map(([key, value]) => `      ${key}: ${JSON.stringify(value)}`),
  ];
}
