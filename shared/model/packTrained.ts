import type * as tf from "@tensorflow/tfjs";
import type { ArchSpec } from "../config/archSpec.ts";
import type { Dataset } from "../data/dataset.ts";
import { packModel } from "./artifact.ts";
import { countParameters } from "./build.ts";
import { foldScale } from "./foldScale.ts";
import { readWeights, weightsHash } from "./weights.ts";

/** A trained model as it is stored and named. */
export interface PackedModel {
  readonly artifact: Uint8Array;
  readonly weightsHash: string;
  readonly parameters: number;
}

/** Packs a model with all that is needed to predict with it again: numbers of a regression in the data's units. */
export function packTrained(model: tf.LayersModel, arch: ArchSpec, dataset: Dataset): PackedModel {
  const { inputShape, inputScale, classes } = dataset;
  const weights = foldScale(readWeights(model), dataset);
  return {
    artifact: packModel({ arch, inputShape, inputScale, classes, weights }),
    weightsHash: weightsHash(weights),
    parameters: countParameters(model),
  };
}
