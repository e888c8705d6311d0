import type { ViewStepOf } from "../../config/viewsSpec.ts";
import { imageShape, refuseNoImages, type StepRule } from "./stepRule.ts";

/**
 * Enlarges a box to the whole image. Its area is a share evenly between `area` and 1 of the image's, its sides are the
 * image's times s = sqrt(share), and it is anywhere in the image, all places equally likely.
 *
 * Pixel y of the result is read at top + (y + 1/2) s - 1/2, between two rows by their distance, and at the edge where
 * that is outside of the image; x likewise. (The half is of pixels as areas: OpenCV's and PyTorch's usual convention.)
 */
export const crop: StepRule<ViewStepOf<"crop">> = {
  refuse: (_, inputShape) => refuseNoImages(inputShape),
  prepare({ area }, { dataset, inputs }) {
    const [height, width, channels] = imageShape(dataset.inputShape);
    const line = width * channels;
    const image = new Float32Array(height * line);
    const places = new Float64Array(width);
    return (at, draws) => {
      const side = Math.sqrt(area + (1 - area) * draws.uniform());
      const top = draws.uniform() * (1 - side) * height;
      const left = draws.uniform() * (1 - side) * width;
      for (let i = 0; i < image.length; i++) image[i] = inputs[at + i] as number;
      for (let x = 0; x < width; x++) places[x] = readAt(x, left, side, width);
      for (let y = 0; y < height; y++) {
        const down = readAt(y, top, side, height);
        const above = Math.floor(down);
        const lower = down - above;
        const first = above * line;
        const second = Math.min(above + 1, height - 1) * line;
        for (let x = 0; x < width; x++) {
          const right = places[x] as number;
          const before = Math.floor(right);
          const later = right - before;
          const here = before * channels;
          const next = Math.min(before + 1, width - 1) * channels;
          const to = at + y * line + x * channels;
          for (let c = 0; c < channels; c++) {
            const upper =
              (1 - later) * (image[first + here + c] as number) + later * (image[first + next + c] as number);
            const under =
              (1 - later) * (image[second + here + c] as number) +
              later * (image[second + next + c] as number);
            inputs[to + c] = (1 - lower) * upper + lower * under;
          }
        }
      }
    };
  },
};

/** Where along an axis of `length` pixels a pixel of the result is read. */
function readAt(pixel: number, start: number, side: number, length: number): number {
  return Math.min(length - 1, Math.max(0, start + (pixel + 0.5) * side - 0.5));
}
