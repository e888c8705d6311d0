import type { AugmentSpec } from "../config/trainSpec.ts";
import type { Dataset } from "../data/dataset.ts";
import { type Shift, shiftImage } from "../data/shiftImage.ts";
import { StillhouseError } from "../errors.ts";
import { rngOf, type Seed } from "../model/seed.ts";

/** Samples that cannot be changed as a spec asks. */
export class AugmentationRefused extends StillhouseError {}

/**
 * Refuses to move what is no image, or further than the image is large.
 * @param whose who asks, for the error: `teacher "wide"`
 * @throws AugmentationRefused
 */
export function requireShiftable(
  { shift }: AugmentSpec,
  { name, inputShape }: Pick<Dataset, "name" | "inputShape">,
  whose: string,
): void {
  const [height = 0, width = 0] = inputShape;
  const fields = { shift, inputShape };
  if (inputShape.length !== 3) {
    throw new AugmentationRefused(
      `Cannot shift the samples of ${whose} as train.augment asks: those of "${name}" have the shape [${inputShape}], expected images [height, width, channels]; leave augment out`,
      { fields },
    );
  }
  if (shift < Math.min(height, width)) return;
  throw new AugmentationRefused(
    `Cannot shift the samples of ${whose} by up to ${shift} pixels as train.augment asks: the images of "${name}" are ${height} x ${width}; expected less than ${Math.min(height, width)}`,
    { fields },
  );
}

/**
 * How far a sample is moved in an epoch: each axis by -n to n pixels, all equally likely. A function of its arguments,
 * whatever the batch, so that training that goes on sees what it would have seen.
 * @param seed of the training
 * @param n most pixels each way
 */
export function shiftOf(seed: Seed, epoch: number, n: number): (id: number) => Shift {
  const stream = rngOf(seed, "shift", epoch);
  const drawn = (word: number): number => Math.floor((stream.at(word) / 2 ** 32) * (2 * n + 1)) - n;
  return (id) => ({ down: drawn(2 * id), right: drawn(2 * id + 1) });
}

/**
 * Changes the inputs of a batch in place.
 * @param inputs [ids.length, height, width, channels]
 */
export function augmentInputs(
  { shift }: AugmentSpec,
  seed: Seed,
  epoch: number,
  inputShape: readonly number[],
  ids: Uint32Array,
  inputs: Float32Array,
): void {
  const [height = 1, width = 1, channels = 1] = inputShape;
  const size = height * width * channels;
  const of = shiftOf(seed, epoch, shift);
  const sample = new Float32Array(size);
  ids.forEach((id, i) => {
    const own = inputs.subarray(i * size, (i + 1) * size);
    sample.set(own);
    shiftImage(sample, [height, width, channels], of(id), own);
  });
}
