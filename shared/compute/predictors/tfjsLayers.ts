import * as tf from "@tensorflow/tfjs";
import { messageOf, StillhouseError } from "../../errors.ts";
import type { LoadedModel } from "./openPredictor.ts";

export interface TfjsLayersFiles {
  /** Bytes of model.json. */
  modelJson: Uint8Array;
  /** The files that its manifest names, in any order. */
  weightFiles: readonly { name: string; bytes: Uint8Array }[];
  output: "logits" | "probabilities";
  /** Smallest probability before the log. */
  probabilityFloor: number;
  /** What each input value is multiplied by. */
  scale: number;
}

/** Files that hold no TensorFlow.js layers model which could be a teacher. */
export class BadTfjsModel extends StillhouseError {}

/**
 * A TensorFlow.js layers model that gives logits. Probabilities become logits as log(max(p, floor)): what lies below
 * the floor is lost.
 * @throws BadTfjsModel for another format, a missing weight file, several inputs or outputs, an input without a fixed
 *   shape, or an output that is not [batch, classes]
 */
export async function loadTfjsLayers(files: TfjsLayersFiles): Promise<LoadedModel> {
  const { output, probabilityFloor, scale } = files;
  const handler = tf.io.fromMemory(readArtifacts(files));
  const model = await tf.loadLayersModel(handler).catch((error: unknown) => {
    throw new BadTfjsModel(`Cannot load the layers model: ${messageOf(error)}`, { cause: error });
  });
  try {
    const { inputShape, classes } = shapesOf(model);
    const forward = (inputs: tf.Tensor): tf.Tensor => {
      const given = model.apply(scale === 1 ? inputs : inputs.mul(scale), { training: false }) as tf.Tensor;
      return output === "logits" ? given : tf.maximum(given, probabilityFloor).log(); // [rows, classes]
    };
    return { inputShape, classes, forward, dispose: () => void model.dispose() };
  } catch (error) {
    model.dispose();
    throw error;
  }
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

function shapesOf(model: tf.LayersModel): { inputShape: number[]; classes: number } {
  const [input, ...moreInputs] = model.inputs.map(({ shape }) => shape.slice(1));
  const [out, ...moreOutputs] = model.outputs.map(({ shape }) => shape);
  const refuse = (what: string): never => {
    throw new BadTfjsModel(`Cannot use layers model "${model.name}" as a classifier: ${what}`);
  };
  if (!input || moreInputs.length > 0) return refuse(`it has ${model.inputs.length} inputs, expected 1`);
  if (!out || moreOutputs.length > 0) return refuse(`it has ${model.outputs.length} outputs, expected 1`);
  if (input.some((n) => n === null)) {
    return refuse(`its input has the shape [${input.map(String)}], expected fixed sizes`);
  }
  const classes = out[1];
  if (out.length !== 2 || typeof classes !== "number") {
    return refuse(`its output has the shape [${out.map(String)}], expected [batch, classes]`);
  }
  return { inputShape: input as number[], classes };
}
