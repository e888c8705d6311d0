import * as tf from "@tensorflow/tfjs";
import type { ModelMapping } from "../../config/modelFileSpec.ts";
import { messageOf, StillhouseError } from "../../errors.ts";
import type { OnnxSignature } from "../../model/onnxFile.ts";
import { type InputPlan, mappedClasses, planInput } from "./modelMapping.ts";
import type { LoadedModel } from "./openPredictor.ts";

export interface TfjsLayersFiles {
  /** Bytes of model.json. */
  modelJson: Uint8Array;
  /** The files that its manifest names, in any order. */
  weightFiles: readonly { name: string; bytes: Uint8Array }[];
}

/** Files that hold no TensorFlow.js layers model which could be a teacher. */
export class BadTfjsModel extends StillhouseError {}

/**
 * A TensorFlow.js layers model that takes the data's samples and gives logits of its classes, as the mapping says.
 * @param data shape of a sample; absent: that of the model's input
 * @throws BadTfjsModel for another format, a missing weight file, several inputs, an input without a fixed shape, an
 *   output that the mapping does not name, or one that is not [batch, classes]
 * @throws MappingMismatch when samples of that shape do not fit
 */
export async function loadTfjsLayers(
  files: TfjsLayersFiles,
  mapping: ModelMapping,
  data?: readonly number[],
): Promise<LoadedModel> {
  const model = await loadModel(files);
  try {
    const { inputShape, place, columns } = endsOf(model, mapping);
    const sample = data ?? inputShape;
    const plan = planInput(sample, inputShape, mapping, `an input of shape [${inputShape.join(", ")}]`);
    const classes = mappedClasses(columns, mapping);
    const forward = (inputs: tf.Tensor): tf.Tensor => {
      const given = model.apply(mappedInputs(inputs, plan), { training: false }) as tf.Tensor | tf.Tensor[];
      return mappedOutputs(Array.isArray(given) ? (given[place] as tf.Tensor) : given, mapping);
    };
    return { inputShape: sample, classes, forward, dispose: () => void model.dispose() };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

async function loadModel(files: TfjsLayersFiles): Promise<tf.LayersModel> {
  const handler = tf.io.fromMemory(readArtifacts(files));
  return tf.loadLayersModel(handler).catch((error: unknown) => {
    throw new BadTfjsModel(`Cannot load the layers model: ${messageOf(error)}`, { cause: error });
  });
}

/** As `mapInputs`, in tensors, so that it becomes a part of a compiled graph. */
function mappedInputs(inputs: tf.Tensor, { shape, places, factors, terms }: InputPlan): tf.Tensor {
  const rows = inputs.shape[0] as number;
  let x = inputs.reshape([rows, factors.length]);
  if (places) x = tf.gather(x, tf.tensor1d(Int32Array.from(places), "int32"), 1);
  if (factors.some((factor) => factor !== 1)) x = x.mul(ofOneOrAll(factors));
  if (terms.some((term) => term !== 0)) x = x.add(ofOneOrAll(terms));
  return x.reshape([rows, ...shape]);
}

function ofOneOrAll(values: Float32Array): tf.Tensor {
  const [first = 0] = values;
  return values.every((value) => value === first) ? tf.scalar(first) : tf.tensor1d(values);
}

/** As `mapOutputs`, in tensors. */
function mappedOutputs(
  given: tf.Tensor,
  { output, probabilityFloor, labels }: Pick<ModelMapping, "output" | "probabilityFloor" | "labels">,
): tf.Tensor {
  const logits = output === "logits" ? given : tf.maximum(given, probabilityFloor).log(); // [rows, columns]
  return labels ? tf.gather(logits, labels, 1) : logits; // [rows, classes]
}

/** What a layers model takes and gives, in the words of ONNX. */
export async function describeLayers(files: TfjsLayersFiles): Promise<OnnxSignature> {
  const model = await loadModel(files);
  try {
    const typeOf = ({ shape }: tf.SymbolicTensor, name: string) => ({ name, dtype: "float", shape });
    return {
      inputs: model.inputs.map((input, i) => typeOf(input, model.inputNames[i] as string)),
      outputs: model.outputs.map((output, i) => typeOf(output, model.outputNames[i] as string)),
      parameters: model.countParams(),
      operators: counted(model.layers.map((layer) => layer.getClassName())),
    };
  } finally {
    model.dispose();
  }
}

function counted(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Names of the weight files of a model.json, relative to it, in the manifest's order. */
export function weightFileNames(modelJson: Uint8Array): string[] {
  return parse(modelJson).weightsManifest.flatMap(({ paths }) => paths);
}

function parse(modelJson: Uint8Array): tf.io.ModelJSON {
  let json: Partial<tf.io.ModelJSON> | null;
  try {
    json = JSON.parse(new TextDecoder().decode(modelJson)) as Partial<tf.io.ModelJSON> | null;
  } catch (error) {
    throw new BadTfjsModel(`Cannot read model.json: ${messageOf(error)}`, { cause: error });
  }
  const format = json?.format;
  // Converters before version 1 wrote no format.
  if ((format !== undefined && format !== "layers-model") || !json?.modelTopology || !json.weightsManifest) {
    throw new BadTfjsModel(
      `Cannot use model.json as a layers model: its format is ${JSON.stringify(format ?? null)}, expected "layers-model" with modelTopology and weightsManifest`,
      { fields: { format } },
    );
  }
  return json as tf.io.ModelJSON;
}

function readArtifacts({ modelJson, weightFiles }: TfjsLayersFiles): tf.io.ModelArtifacts {
  const { modelTopology, weightsManifest } = parse(modelJson);
  const names = weightsManifest.flatMap(({ paths }) => paths);
  const parts = names.map((name) => {
    const file = weightFiles.find((candidate) => candidate.name === name);
    if (file) return file.bytes;
    throw new BadTfjsModel(
      `Cannot load the layers model: model.json names the weight file "${name}", given were [${weightFiles.map((f) => f.name)}]`,
      { fields: { name } },
    );
  });
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  return { modelTopology, weightSpecs, weightData: new Uint8Array(Buffer.concat(parts)).buffer };
}

function endsOf(
  model: tf.LayersModel,
  { input, outputName }: Pick<ModelMapping, "input" | "outputName">,
): { inputShape: number[]; place: number; columns: number } {
  const refuse = (what: string): never => {
    throw new BadTfjsModel(`Cannot use layers model "${model.name}" as a classifier: ${what}`);
  };
  const [taken, ...moreInputs] = model.inputs.map(({ shape }) => shape.slice(1));
  if (!taken || moreInputs.length > 0) return refuse(`it has ${model.inputs.length} inputs, expected 1`);
  if (input !== undefined && !model.inputNames.includes(input)) {
    return refuse(`it has no input "${input}", but [${model.inputNames.join(", ")}]`);
  }
  if (taken.some((n) => n === null)) {
    return refuse(`its input has the shape [${taken.map(String)}], expected fixed sizes`);
  }
  const place = outputName === undefined ? 0 : model.outputNames.indexOf(outputName);
  if (outputName === undefined ? model.outputs.length !== 1 : place < 0) {
    return refuse(
      `it has ${model.outputs.length} outputs, expected ${outputName === undefined ? "1, or outputName in the spec" : `one named "${outputName}"`}: [${model.outputNames.join(", ")}]`,
    );
  }
  const out = model.outputs[place]?.shape ?? [];
  const columns = out[1];
  if (out.length !== 2 || typeof columns !== "number") {
    return refuse(`its output has the shape [${out.map(String)}], expected [batch, classes]`);
  }
  return { inputShape: taken as number[], place, columns };
}
