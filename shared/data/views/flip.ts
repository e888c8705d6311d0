import type { ViewStepOf } from "../../config/viewsSpec.ts";
import { imageShape, refuseNoImages, type StepRule } from "./stepRule.ts";

/** Mirrors images with a probability: pixel (y, x) goes to (y, width - 1 - x), or to (height - 1 - y, x). */
export const flip: StepRule<ViewStepOf<"flip">> = {
  refuse: (_, inputShape) => refuseNoImages(inputShape),
  prepare({ axis, probability }, { dataset, inputs }) {
    const [height, width, channels] = imageShape(dataset.inputShape);
    const line = width * channels;
    const size = height * line;
    const mirror =
      axis === "horizontal"
        ? (at: number) => {
            for (let start = at; start < at + size; start += line) {
              reverseBlocks(inputs, start, width, channels);
            }
          }
        : (at: number) => reverseBlocks(inputs, at, height, line);
    return (at, draws) => {
      if (draws.uniform() < probability) mirror(at);
    };
  },
};

/** Puts `count` blocks of `size` numbers each into the opposite order, each block as it is. */
function reverseBlocks(inputs: Float32Array, at: number, count: number, size: number): void {
  let low = at;
  let high = at + (count - 1) * size;
  while (low < high) {
    for (let i = 0; i < size; i++) {
      const kept = inputs[low + i] as number;
      inputs[low + i] = inputs[high + i] as number;
      inputs[high + i] = kept;
    }
    low += size;
    high -= size;
  }
}
