import { StillhouseError } from "../../errors.ts";
import { unpackFileBundle } from "../../model/fileBundle.ts";
import type { TeacherModel } from "../../protocol/run.ts";
import { loadNativeModel } from "./nativeModel.ts";
import type { Predictor } from "./predictor.ts";
import { loadTfjsLayers } from "./tfjsLayers.ts";

/** A teacher that takes other inputs than the data has. */
export class TeacherInputMismatch extends StillhouseError {}

/**
 * The predictor of a stored teacher.
 * @param inputShape of the data, without the batch
 * @throws TeacherInputMismatch when a sample has not as many numbers as the model takes
 */
export async function loadTeacherModel(
  model: TeacherModel,
  bytes: Uint8Array,
  inputShape: readonly number[],
): Promise<Predictor> {
  const predictor = await load(model, bytes);
  if (size(predictor.inputShape) === size(inputShape)) return predictor;
  predictor.dispose();
  throw new TeacherInputMismatch(
    `Cannot use a teacher on samples of shape [${inputShape.join(", ")}]: its model takes [${predictor.inputShape.join(", ")}]`,
    { fields: { expected: inputShape, seen: predictor.inputShape } },
  );
}

function load(model: TeacherModel, bytes: Uint8Array): Predictor | Promise<Predictor> {
  switch (model.format) {
    case "stillhouse":
      return loadNativeModel(bytes);
    case "tfjs-layers":
      return loadTfjsLayers({ ...unpackFileBundle(bytes), ...model });
  }
}

function size(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
