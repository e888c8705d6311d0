import { basename, relative, resolve } from "node:path";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { computeSettings } from "../../shared/compute/computeSettings.ts";
import {
  type LikelyMapping,
  likelyMappings,
  lookLikeProbabilities,
  type Preprocessing,
} from "../../shared/compute/predictors/likelyMappings.ts";
import { loadTeacherModel } from "../../shared/compute/predictors/teacherModel.ts";
import { describeLayers } from "../../shared/compute/predictors/tfjsLayers.ts";
import { scoreLogits } from "../../shared/compute/scoreLogits.ts";
import { loadSpec } from "../../shared/config/load.ts";
import { type ModelFileSpec, ModelMapping, type RunSpec } from "../../shared/config/spec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { gatherInputs, gatherLabels } from "../../shared/data/gather.ts";
import { openDataset } from "../../shared/data/open.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { unpackFileBundle } from "../../shared/model/fileBundle.ts";
import { readModelFile } from "../../shared/model/modelFile.ts";
import { describeTensor, type OnnxTensorType, readOnnx } from "../../shared/model/onnxFile.ts";

export interface InspectOptions {
  data?: string;
  split: "validation" | "test";
}

/** A file of no format that teachers are loaded from. */
export class UnknownModelFormat extends StillhouseError {}

type Format = ModelFileSpec["format"];

/** What a model file tells of itself. */
interface Described {
  inputs: readonly OnnxTensorType[];
  outputs: readonly OnnxTensorType[];
  parameters: number;
  operators?: ReadonlyMap<string, number>;
}

/** Samples on which ways of preprocessing are compared. */
const COMPARED = 500;

/** `stillhouse inspect MODEL`: what it takes and gives, a spec for it, and with data how often it is right. */
export async function inspect(path: string, options: InspectOptions): Promise<number> {
  const format = formatOf(path);
  const { bytes } = await readModelFile(format, resolve(path), path);
  const described = await describe(format, bytes);
  const say = (...lines: string[]): void => void process.stdout.write(`${lines.join("\n")}\n`);
  const { inputs, outputs, parameters, operators } = described;
  say(
    `${basename(path)}  ${format}, ${(bytes.length / 1e6).toFixed(2)} MB`,
    ...inputs.map((one) => `  input       ${describeTensor(one)}`),
    ...outputs.map((one) => `  output      ${describeTensor(one)}`),
    `  parameters  ${parameters.toLocaleString("en")}`,
    ...(operators ? [`  operators   ${[...operators].map(([type, n]) => `${type} ${n}`).join(", ")}`] : []),
  );
  if (options.data === undefined) {
    say(
      "",
      ...fragment(
        path,
        process.cwd(),
        format,
        described,
        ModelMapping.parse({ output: "logits" }),
        "or probabilities",
      ),
    );
    return 0;
  }
  const { spec, baseDir } = await loadSpec(options.data);
  const dataset = await openDataset(spec.data, baseDir);
  const mapping = ofSpec(spec, baseDir, path) ?? ModelMapping.parse({ output: "logits", ...ends(described) });
  const scored = await score(format, bytes, mapping, dataset, options.split);
  say("", ...scored.lines, "", ...fragment(path, baseDir, format, described, scored.best));
  return 0;
}

function formatOf(path: string): Format {
  if (path.endsWith(".onnx")) return "onnx";
  if (path.endsWith(".json")) return "tfjs-layers";
  throw new UnknownModelFormat(
    `Cannot inspect "${path}": expected an ONNX file (.onnx) or the model.json of a TensorFlow.js layers model`,
    { fields: { path } },
  );
}

async function describe(format: Format, bytes: Uint8Array): Promise<Described> {
  if (format === "onnx") return readOnnx(bytes);
  await chooseBackend({ prefer: "compiled" });
  return describeLayers(unpackFileBundle(bytes));
}

/** The mapping of the spec's teacher that is loaded from this file. */
function ofSpec({ teachers }: RunSpec, baseDir: string, path: string): ModelMapping | undefined {
  for (const teacher of teachers) {
    if ("train" in teacher || resolve(baseDir, teacher.model.path) !== resolve(path)) continue;
    const { format: _format, path: _path, ...mapping } = teacher.model;
    return mapping;
  }
  return undefined;
}

/** Names where there is a choice: the first of each. */
function ends({ inputs, outputs }: Described): { input?: string; outputName?: string } {
  const matrix = outputs.find(({ dtype, shape }) => dtype === "float" && shape?.length === 2) ?? outputs[0];
  return {
    ...(inputs.length > 1 && inputs[0] ? { input: inputs[0].name } : {}),
    ...(outputs.length > 1 && matrix ? { outputName: matrix.name } : {}),
  };
}

async function score(
  format: Format,
  bytes: Uint8Array,
  mapping: ModelMapping,
  dataset: Dataset,
  split: InspectOptions["split"],
): Promise<{ lines: string[]; best: ModelMapping }> {
  const { name } = await chooseBackend({ prefer: "compiled" });
  const settings = computeSettings(
    name,
    { threads: {}, spinning: false, update: "in-place", fallback: true },
    "teacher",
  );
  const ids = dataset.splits[split];
  const some = ids.subarray(0, COMPARED);
  const predict = async (given: ModelMapping, of: Uint32Array) => {
    const predictor = await loadTeacherModel(
      { artifact: "", format, mapping: given },
      bytes,
      dataset.inputShape,
      settings,
    );
    try {
      return {
        outputs: await predictor.predict(gatherInputs(dataset, of), of.length),
        classes: predictor.classes,
      };
    } finally {
      await predictor.close();
    }
  };
  const accuracy = async (given: ModelMapping, of: Uint32Array): Promise<number> => {
    const { outputs, classes } = await predict(given, of);
    return scoreLogits(outputs, gatherLabels(dataset, of), classes).accuracy;
  };
  const raw = await predict({ ...mapping, output: "logits" }, some);
  const holds = lookLikeProbabilities(raw.outputs, raw.classes) ? "probabilities" : "logits";
  const tried: (LikelyMapping & { accuracy: number })[] = [];
  for (const likely of likelyMappings(dataset.inputShape.at(-1) ?? 1)) {
    tried.push({ ...likely, accuracy: await accuracy({ ...mapping, ...likely.preprocessing }, some) });
  }
  const given = await accuracy(mapping, ids);
  tried.sort((a, b) => b.accuracy - a.accuracy);
  const [first] = tried;
  const ownOfSome = await accuracy(mapping, some);
  // Half a percent of 500 is two samples: less is no reason to change a spec.
  const better = first && first.accuracy > ownOfSome + 0.005 ? first : undefined;
  const best = { ...mapping, output: holds, ...(better?.preprocessing ?? {}) } as ModelMapping;
  const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
  return {
    best,
    lines: [
      `${percent(given)} right on ${ids.length.toLocaleString("en")} ${split} samples of ${dataset.name}, with ${inWords(mapping)}; chance is ${percent(1 / dataset.classes)}`,
      ...(holds === mapping.output ? [] : [`its outputs look like ${holds}, not ${mapping.output}`]),
      `on the first ${some.length} of them, by what its inputs may have been:`,
      ...tried.map(
        ({ accuracy, usual, preprocessing }) =>
          `  ${percent(accuracy).padStart(7)}  ${usual.padEnd(40)} ${inWords(preprocessing)}`,
      ),
      ...(better ? [`likely: ${better.usual}; the spec below says so`] : []),
    ],
  };
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
  described: Described,
  mapping: ModelMapping,
  note?: string,
): string[] {
  const { output, ...rest } = { ...ends(described), ...mapping };
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
