import type { ViewStepOf } from "../../config/viewsSpec.ts";
import { imageShape, refuseNoImages, type StepRule } from "./stepRule.ts";

/** Sets a square to 0 whose centre is any pixel, all equally likely, and which is clipped at the border (Cutout). */
export const cutout: StepRule<ViewStepOf<"cutout">> = {
  refuse({ pixels }, inputShape) {
    const [height, width] = imageShape(inputShape);
    const side = Math.min(height, width);
    return (
      refuseNoImages(inputShape) ??
      (pixels <= side ? undefined : { key: "pixels", expected: `at most ${side}` })
    );
  },
  prepare({ pixels }, { dataset, inputs }) {
    const [height, width, channels] = imageShape(dataset.inputShape);
    const line = width * channels;
    const before = Math.floor(pixels / 2);
    return (at, draws) => {
      const top = draws.below(height) - before;
      const left = draws.below(width) - before;
      const from = Math.max(0, left) * channels;
      const to = Math.min(width, left + pixels) * channels;
      for (let y = Math.max(0, top); y < Math.min(height, top + pixels); y++) {
        const start = at + y * line;
        for (let i = start + from; i < start + to; i++) inputs[i] = 0;
      }
    };
  },
};
