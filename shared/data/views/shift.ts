import type { ViewStepOf } from "../../config/viewsSpec.ts";
import { moveAlong } from "./moveAlong.ts";
import { imageShape, refuseNoImages, type StepRule } from "./stepRule.ts";

/** Moves images: down and to the right by -pixels to pixels each, all pairs equally likely, over a ground of zeros. */
export const shift: StepRule<ViewStepOf<"shift">> = {
  refuse({ pixels }, inputShape) {
    const [height, width] = imageShape(inputShape);
    const side = Math.min(height, width);
    return (
      refuseNoImages(inputShape) ??
      (pixels < side ? undefined : { key: "pixels", expected: `less than ${side}` })
    );
  },
  prepare({ pixels }, { dataset, inputs }) {
    const [height, width, channels] = imageShape(dataset.inputShape);
    const line = width * channels;
    const size = height * line;
    return (at, draws) => {
      const down = draws.below(2 * pixels + 1) - pixels;
      const right = draws.below(2 * pixels + 1) - pixels;
      moveAlong(inputs, at, size, down * line + right * channels);
      // What left at one side of a line has come in at the other side of its neighbour.
      const from = right > 0 ? 0 : line + right * channels;
      const to = right > 0 ? right * channels : line;
      for (let start = at; start < at + size; start += line) {
        for (let i = start + from; i < start + to; i++) inputs[i] = 0;
      }
    };
  },
};
