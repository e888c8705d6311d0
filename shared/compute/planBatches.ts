import type { TrainSpec } from "../config/spec.ts";
import { StillhouseError } from "../errors.ts";

/** Fewer samples than a batch, and partial batches are dropped: there is nothing to train on. */
export class NoWholeBatch extends StillhouseError {}

/** The steps of an epoch, and the sizes of batches in it: the last partial batch is trained at its true size. */
export function planBatches(
  samples: number,
  { batch, dropRemainder }: Pick<TrainSpec, "batch" | "dropRemainder">,
): { stepsPerEpoch: number; batchSizes: number[] } {
  const whole = Math.floor(samples / batch);
  const rest = dropRemainder ? 0 : samples % batch;
  if (whole === 0 && rest === 0) {
    throw new NoWholeBatch(
      `Cannot train on ${samples} samples in batches of ${batch} with dropRemainder: set batch to at most ${samples}, or dropRemainder to false`,
      { fields: { samples, batch } },
    );
  }
  return {
    stepsPerEpoch: whole + (rest > 0 ? 1 : 0),
    batchSizes: [...(whole > 0 ? [batch] : []), ...(rest > 0 ? [rest] : [])],
  };
}
