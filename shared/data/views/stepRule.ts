import type { Dataset } from "../dataset.ts";
import type { Draws } from "./draws.ts";

/** What of a dataset views look at. */
export type ViewedData = Pick<Dataset, "name" | "shards" | "inputShape" | "inputScale" | "splits">;

/** A batch that is about to be changed. */
export interface ViewedBatch {
  readonly dataset: ViewedData;
  /** [samples, width], what `gatherInputs` gave. */
  readonly inputs: Float32Array;
  /** Numbers of a sample there. */
  readonly width: number;
}

/** Changes the sample that begins at `inputs[at]`, in place; called for every sample, so it allocates nothing. */
export type Change = (at: number, draws: Draws) => void;

/** Why samples of a shape cannot be changed so. */
export interface Unviewable {
  /** The key of the step that does not fit; absent: no value of it would. */
  readonly key?: string;
  readonly expected: string;
}

/** A kind of step. Its arithmetic is + - * / and sqrt alone, which are the same in every JavaScript engine. */
export interface StepRule<S> {
  /** @returns undefined where samples of this shape can be changed */
  refuse(step: S, inputShape: readonly number[]): Unviewable | undefined;
  /** What is the same for all samples of a batch is done here. */
  prepare(step: S, batch: ViewedBatch): Change;
}

/** [height, width, channels] of images. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** For steps on images, whose shape `refuseNoImages` has seen. */
export function imageShape(inputShape: readonly number[]): ImageShape {
  const [height = 1, width = 1, channels = 1] = inputShape;
  return [height, width, channels];
}

export function refuseNoImages(inputShape: readonly number[]): Unviewable | undefined {
  if (inputShape.length === 3) return undefined;
  return { expected: "images [height, width, channels]" };
}
