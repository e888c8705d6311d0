import type * as tf from "@tensorflow/tfjs";
import { messageOf, StillhouseError } from "../../errors.ts";

export interface TfjsFiles {
  /** Bytes of model.json. */
  modelJson: Uint8Array;
  /** The files that its manifest names, in any order. */
  weightFiles: readonly { name: string; bytes: Uint8Array }[];
}

/** Files that hold no TensorFlow.js model which could be a teacher. */
export class BadTfjsModel extends StillhouseError {}

/** The two formats of a model.json, as they call themselves. */
export type TfjsFormat = "layers-model" | "graph-model";

/** Names of the weight files of a model.json, relative to it, in the manifest's order. */
export function weightFileNames(modelJson: Uint8Array, format: TfjsFormat): string[] {
  return parse(modelJson, format).weightsManifest.flatMap(({ paths }) => paths);
}

/**
 * A model's files as TensorFlow.js loads them.
 * @throws BadTfjsModel for another format, or a weight file that is not there
 */
export function readArtifacts(
  { modelJson, weightFiles }: TfjsFiles,
  format: TfjsFormat,
): tf.io.ModelArtifacts {
  const json = parse(modelJson, format);
  const { modelTopology, weightsManifest, signature, userDefinedMetadata, modelInitializer } = json;
  const names = weightsManifest.flatMap(({ paths }) => paths);
  const parts = names.map((name) => {
    const file = weightFiles.find((candidate) => candidate.name === name);
    if (file) return file.bytes;
    throw new BadTfjsModel(
      `Cannot load the ${format}: model.json names the weight file "${name}", given were [${weightFiles.map((f) => f.name)}]`,
      { fields: { name } },
    );
  });
  return {
    modelTopology,
    weightSpecs: weightsManifest.flatMap(({ weights }) => weights),
    weightData: new Uint8Array(Buffer.concat(parts)).buffer,
    ...(signature ? { signature } : {}),
    ...(userDefinedMetadata ? { userDefinedMetadata } : {}),
    ...(modelInitializer ? { modelInitializer } : {}),
  };
}

function parse(modelJson: Uint8Array, expected: TfjsFormat): tf.io.ModelJSON {
  let json: Partial<tf.io.ModelJSON> | null;
  try {
    json = JSON.parse(new TextDecoder().decode(modelJson)) as Partial<tf.io.ModelJSON> | null;
  } catch (error) {
    throw new BadTfjsModel(`Cannot read model.json: ${messageOf(error)}`, { cause: error });
  }
  const format = json?.format;
  // Converters before version 1 wrote no format.
  if ((format !== undefined && format !== expected) || !json?.modelTopology || !json.weightsManifest) {
    throw new BadTfjsModel(
      `Cannot use model.json as a ${expected}: its format is ${JSON.stringify(format ?? null)}, expected "${expected}" with modelTopology and weightsManifest`,
      { fields: { format, expected } },
    );
  }
  return json as tf.io.ModelJSON;
}
