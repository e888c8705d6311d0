import type { ModelMapping } from "../../config/modelFileSpec.ts";
import { StillhouseError } from "../../errors.ts";
import { unpackFileBundle } from "../../model/fileBundle.ts";
import type { TeacherModel } from "../../protocol/run.ts";
import { sizeOf } from "../compiled/kernels/operators.ts";
import type { ComputeSettings } from "../computeSettings.ts";
import { restoreModel } from "./nativeModel.ts";
import { openOnnxModel } from "./onnxModel.ts";
import { type LoadedModel, openPredictor } from "./openPredictor.ts";
import type { Predictor } from "./predictor.ts";
import { loadSavedModel } from "./savedModel.ts";
import { loadTfjsGraph } from "./tfjsGraph.ts";
import { loadTfjsLayers } from "./tfjsLayers.ts";

/** A teacher that takes other inputs than the data has. */
export class TeacherInputMismatch extends StillhouseError {}

/**
 * The predictor of a stored teacher.
 * @param inputShape of the data, without the batch
 * @throws TeacherInputMismatch, MappingMismatch when the model does not take such samples
 */
export async function loadTeacherModel(
  { format, mapping }: Pick<TeacherModel, "format" | "mapping">,
  bytes: Uint8Array,
  inputShape: readonly number[],
  compute: ComputeSettings,
): Promise<Predictor> {
  if (format === "onnx") return openOnnxModel(bytes, mapping, inputShape, compute);
  const loaded = await loadModel(format, mapping, bytes, inputShape);
  if (sizeOf(loaded.inputShape) === sizeOf(inputShape)) return openPredictor(loaded, compute, mapping);
  loaded.dispose();
  throw new TeacherInputMismatch(
    `Cannot use a teacher on samples of shape [${inputShape.join(", ")}]: its model takes [${loaded.inputShape.join(", ")}]`,
    { fields: { expected: inputShape, seen: loaded.inputShape } },
  );
}

/**
 * The model itself, in TensorFlow.js.
 * @param inputShape of the data; absent: the model's own
 */
export function loadModel(
  format: Exclude<TeacherModel["format"], "onnx">,
  mapping: ModelMapping,
  bytes: Uint8Array,
  inputShape?: readonly number[],
): LoadedModel | Promise<LoadedModel> {
  switch (format) {
    case "stillhouse":
      return restoreModel(bytes, mapping);
    case "tfjs-layers":
      return loadTfjsLayers(unpackFileBundle(bytes), mapping, inputShape);
    case "tfjs-graph":
      return loadTfjsGraph(unpackFileBundle(bytes), mapping, inputShape);
    case "saved-model":
      return loadSavedModel(bytes, mapping, inputShape);
  }
}
