import { existsSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { computeSettings } from "../../shared/compute/computeSettings.ts";
import { flopsText } from "../../shared/compute/flops/flops.ts";
import { describeModel, flopsOf, lastInner } from "../../shared/compute/predictors/describeModel.ts";
import type { Preprocessing } from "../../shared/compute/predictors/likelyMappings.ts";
import {
  type ScoredPreprocessing,
  scorePreprocessing,
} from "../../shared/compute/predictors/scorePreprocessing.ts";
import { loadSpec } from "../../shared/config/load.ts";
import { type ModelFileSpec, ModelMapping } from "../../shared/config/modelFileSpec.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { openDataset } from "../../shared/data/open.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { tfjsFormatOf } from "../../shared/model/fileBundle.ts";
import { readModelFile } from "../../shared/model/modelFile.ts";
import { describeTensor, type OnnxSignature } from "../../shared/model/onnxFile.ts";

export interface InspectOptions {
  data?: string;
  split: "validation" | "test";
}

/** A file of no format that teachers are loaded from. */
export class UnknownModelFormat extends StillhouseError {}

type Format = ModelFileSpec["format"];

/** Inner tensors that are shown. */
const SHOWN = 4;

/** `stillhouse inspect MODEL`: what it takes and gives, a spec for it, and with data how often it is right. */
export async function inspect(path: string, options: InspectOptions): Promise<number> {
  const format = await formatOf(path);
  const { bytes } = await readModelFile(format, resolve(path), path);
  const { name: backend } = await chooseBackend({
    prefer: format === "saved-model" ? "tfjs-node" : "compiled",
  });
  const described = await describeModel(format, bytes);
  const plain = ModelMapping.parse({ output: "logits", ...ends(described) });
  const say = (...lines: string[]): void => void process.stdout.write(`${lines.join("\n")}\n`);
  const { inputs, outputs, parameters, operators } = described;
  const inner = await lastInner(format, bytes, described, SHOWN);
  say(
    `${basename(path)}  ${format}, ${(bytes.length / 1e6).toFixed(2)} MB`,
    ...inputs.map((one) => `  input       ${describeTensor(one)}`),
    ...outputs.map((one) => `  output      ${describeTensor(one)}`),
    `  parameters  ${parameters.toLocaleString("en")}`,
    `  FLOPs       ${flopsText(await flopsOf(format, bytes, plain))}`,
    `  operators   ${[...operators].map(([type, n]) => `${type} ${n}`).join(", ")}`,
    ...inner.map((one, i) => `  ${i === 0 ? "last inner" : "          "}  ${describeTensor(one)}`),
  );
  if (options.data === undefined) {
    say("", ...fragment(path, process.cwd(), format, plain, "or probabilities"));
    return 0;
  }
  const { spec, baseDir } = await loadSpec(options.data);
  const dataset = await openDataset(spec.data, baseDir);
  const mapping = ofSpec(spec, baseDir, path) ?? plain;
  const ids = dataset.splits[options.split];
  const compute = computeSettings(backend, { ...spec.compute, fallback: true }, "teacher");
  const scored = await scorePreprocessing(format, bytes, mapping, dataset, ids, compute);
  const { output, better } = scored;
  const samples = `${ids.length.toLocaleString("en")} ${options.split}`;
  say(
    "",
    ...scoredLines(scored, mapping, dataset, samples),
    "",
    ...fragment(path, baseDir, format, { ...mapping, ...better?.preprocessing, output }),
  );
  return 0;
}

async function formatOf(path: string): Promise<Format> {
  if (path.endsWith(".onnx")) return "onnx";
  if (path.endsWith(".json")) return tfjsFormatOf(resolve(path), path);
  if (existsSync(join(resolve(path), "saved_model.pb"))) return "saved-model";
  throw new UnknownModelFormat(
    `Cannot inspect "${path}": expected an ONNX file (.onnx), the model.json of a TensorFlow.js model, or the folder of a SavedModel`,
    { fields: { path } },
  );
}

/** The mapping of the spec's teacher that is loaded from this file. */
function ofSpec({ teachers }: RunSpec, baseDir: string, path: string): ModelMapping | undefined {
  for (const teacher of teachers) {
    if ("train" in teacher || "labels" in teacher || resolve(baseDir, teacher.model.path) !== resolve(path))
      continue;
    const { format: _format, path: _path, ...mapping } = teacher.model;
    return mapping;
  }
  return undefined;
}

/** Names where there is a choice: the first of each. */
function ends({ inputs, outputs }: OnnxSignature): { input?: string; outputName?: string } {
  const matrix = outputs.find(({ dtype, shape }) => dtype === "float" && shape?.length === 2) ?? outputs[0];
  return {
    ...(inputs.length > 1 && inputs[0] ? { input: inputs[0].name } : {}),
    ...(outputs.length > 1 && matrix ? { outputName: matrix.name } : {}),
  };
}

/** What was measured, in lines for people. */
function scoredLines(
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
function fragment(
  path: string,
  folder: string,
  format: Format,
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
