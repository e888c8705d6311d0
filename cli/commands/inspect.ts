import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { computeSettings } from "../../shared/compute/computeSettings.ts";
import { flopsText } from "../../shared/compute/flops/flops.ts";
import { describeModel, flopsOf, lastInner } from "../../shared/compute/predictors/describeModel.ts";
import { quantisationAgreement } from "../../shared/compute/predictors/quantisationAgreement.ts";
import { scorePreprocessing } from "../../shared/compute/predictors/scorePreprocessing.ts";
import { loadTeacherModel } from "../../shared/compute/predictors/teacherModel.ts";
import { loadSpec } from "../../shared/config/load.ts";
import { type ModelFileSpec, ModelMapping } from "../../shared/config/modelFileSpec.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { openDataset } from "../../shared/data/open.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { agreementText } from "../../shared/evaluate/logitAgreement.ts";
import { tfjsFormatOf } from "../../shared/model/fileBundle.ts";
import { readModelFile } from "../../shared/model/modelFile.ts";
import { describeTensor, type OnnxSignature } from "../../shared/model/onnxFile.ts";
import { quantiseOnnx } from "../../shared/model/quantise/quantiseOnnx.ts";
import { fragment, scoredLines } from "../view/inspectView.ts";

export interface InspectOptions {
  data?: string;
  split: "validation" | "test";
  quantise?: "int8";
}

/** A comparison that needs samples. */
export class DataNeeded extends StillhouseError {}

/** A file of no format that teachers are loaded from. */
export class UnknownModelFormat extends StillhouseError {}

type Format = ModelFileSpec["format"];

/** Inner tensors that are shown. */
const SHOWN = 4;

/** `stillhouse inspect MODEL`: what it takes and gives, a spec for it, and with data how often it is right. */
export async function inspect(path: string, options: InspectOptions): Promise<number> {
  if (options.quantise && options.data === undefined) {
    throw new DataNeeded(
      `Cannot compare "${path}" in ${options.quantise} with itself in floats: give samples by --data SPEC`,
    );
  }
  const format = await formatOf(path);
  const { bytes } = await readModelFile(format, resolve(path), path);
  const used = await chooseBackend({
    prefer: format === "saved-model" ? "tfjs-node" : "compiled",
  });
  const described = await describeModel(format, bytes);
  const plain = ModelMapping.parse({ output: "logits", ...ends(described) });
  const say = (...lines: string[]): void => void process.stdout.write(`${lines.join("\n")}\n`);
  const { inputs, outputs, parameters, operators } = described;
  const inner = await lastInner(format, bytes, described, SHOWN);
  say(
    `${basename(path)}  ${format}, ${megabytes(bytes)}`,
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
  if (dataset.targets) {
    throw new DataNeeded(
      `Cannot tell how often "${path}" is right on the data of "${options.data}" as data.task is "${dataset.targets.task}": expected "classification"; leave --data out`,
    );
  }
  const { quantise: ofTeacher, ...mapping } = ofSpec(spec, baseDir, path) ?? plain;
  const ids = dataset.splits[options.split];
  const compute = computeSettings(used, { ...spec.compute, fallback: true }, "teacher");
  const scored = await scorePreprocessing(format, bytes, mapping, dataset, ids, compute);
  const { output, better } = scored;
  const samples = `${ids.length.toLocaleString("en")} ${options.split}`;
  say("", ...scoredLines(scored, mapping, dataset, samples));
  const likely: ModelMapping = { ...mapping, ...better?.preprocessing, output };
  const quantise = options.quantise ?? ofTeacher;
  if (quantise) {
    const model = { format, mapping: { ...likely, quantise } };
    const quantised = await loadTeacherModel(model, bytes, dataset.inputShape, compute);
    const agreement = await quantisationAgreement(quantised, model, bytes, dataset, ids, compute);
    await quantised.close();
    const size = format === "onnx" ? `, ${megabytes(quantiseOnnx(bytes).bytes)} of ${megabytes(bytes)}` : "";
    say(`in ${quantise}${size}: ${agreementText(agreement)}`);
  }
  say("", ...fragment(path, baseDir, format, { ...likely, ...(quantise && { quantise }) }));
  return 0;
}

function megabytes({ length }: Uint8Array): string {
  return `${(length / 1e6).toFixed(2)} MB`;
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
    if (!("model" in teacher) || "train" in teacher || resolve(baseDir, teacher.model.path) !== resolve(path))
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
