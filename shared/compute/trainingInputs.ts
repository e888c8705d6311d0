import { gatherInputs } from "../data/gather.ts";
import { applyView } from "../data/views/applyView.ts";
import { viewNumberOf, viewOf } from "../data/views/view.ts";
import { augmentInputs } from "./augmentInputs.ts";
import type { Batch } from "./planBatches.ts";
import type { TrainerOptions } from "./trainer.ts";

/** What the inputs of a step depend on beside its batch. */
export type InputOptions = Pick<
  TrainerOptions,
  "dataset" | "augment" | "views" | "maskSeed" | "stepsPerEpoch"
>;

/**
 * The inputs of a step of training, augmented where the training asks for it.
 * @param step counted from 0
 * @param out written from its start; absent: a new array
 * @returns [ids.length, ...inputShape], or [ids.length, length]
 */
export function trainingInputs(
  { dataset, augment, views, maskSeed, stepsPerEpoch }: InputOptions,
  step: number,
  { ids, length }: Batch,
  out?: Float32Array,
): Float32Array {
  const inputs = gatherInputs(dataset, ids, out, length);
  const epoch = Math.floor(step / stepsPerEpoch);
  applyView(viewOf(views, viewNumberOf(views, epoch)), dataset, ids, inputs, length);
  if (augment) augmentInputs(augment, maskSeed, epoch, dataset.inputShape, ids, inputs);
  return inputs;
}
