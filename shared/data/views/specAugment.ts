import type { ViewStepOf } from "../../config/viewsSpec.ts";
import type { StepRule } from "./stepRule.ts";

/**
 * Masks of a spectrogram (SpecAugment, Park et al. 2019, without its warping): of 0 to `bands` bands, and of 0 to
 * `frames` frames, all widths and then all places in which the mask fits equally likely. What is masked becomes 0.
 */
export const specAugment: StepRule<ViewStepOf<"spec-augment">> = {
  refuse({ bands, frames }, inputShape) {
    const [time = 0, all = 0, channels = 1] = inputShape;
    if (inputShape.length < 2 || inputShape.length > 3 || channels !== 1) {
      return { expected: "a spectrogram [time, bands] or [time, bands, 1]" };
    }
    if (bands > all) return { key: "bands", expected: `at most ${all}` };
    return frames > time ? { key: "frames", expected: `at most ${time}` } : undefined;
  },
  prepare({ bands, bandMasks, frames, frameMasks }, { dataset, inputs }) {
    const [time = 1, all = 1] = dataset.inputShape;
    return (at, draws) => {
      for (let mask = 0; mask < bandMasks; mask++) {
        const masked = draws.below(bands + 1);
        const first = draws.below(all - masked + 1);
        for (let start = at; start < at + time * all; start += all) {
          for (let i = start + first; i < start + first + masked; i++) inputs[i] = 0;
        }
      }
      for (let mask = 0; mask < frameMasks; mask++) {
        const masked = draws.below(frames + 1);
        const first = at + draws.below(time - masked + 1) * all;
        for (let i = first; i < first + masked * all; i++) inputs[i] = 0;
      }
    };
  },
};
