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
    const between = new Float64Array(line);
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
        mixLines(image, above * line, Math.min(above + 1, height - 1) * line, down - above, between);
        spread(between, places, channels, inputs, at + y * line);
      }
    };
  },
};

/** 1 - share of one line of an image, and a share of another. */
function mixLines(
  image: Float32Array,
  first: number,
  second: number,
  share: number,
  out: Float64Array,
): void {
  for (let i = 0; i < out.length; i++) {
    out[i] = (1 - share) * (image[first + i] as number) + share * (image[second + i] as number);
  }
}

/** Reads a line at places between its pixels. */
function spread(
  line: Float64Array,
  places: Float64Array,
  channels: number,
  inputs: Float32Array,
  at: number,
): void {
  const last = line.length - channels;
  let to = at;
  for (let x = 0; x < places.length; x++) {
    const place = places[x] as number;
    const before = Math.floor(place);
    const share = place - before;
    const here = before * channels;
    const next = Math.min(here + channels, last);
    for (let c = 0; c < channels; c++) {
      inputs[to++] = (1 - share) * (line[here + c] as number) + share * (line[next + c] as number);
    }
  }
}

/** Where along an axis of `length` pixels a pixel of the result is read. */
function readAt(pixel: number, start: number, side: number, length: number): number {
  return Math.min(length - 1, Math.max(0, start + (pixel + 0.5) * side - 0.5));
}
