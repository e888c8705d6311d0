import type { ViewStepOf } from "../../config/viewsSpec.ts";
import { portableExp } from "../../determinism/elementary.ts";
import type { StepRule } from "./stepRule.ts";

/** Multiplies a sample by 10^(d / 20), d evenly between -decibels and decibels; by `portableExp`, for equal bits. */
export const gain: StepRule<ViewStepOf<"gain">> = {
  refuse: () => undefined,
  prepare:
    ({ decibels }, { inputs, width }) =>
    (at, draws) => {
      const drawn = decibels * (2 * draws.uniform() - 1);
      const factor = portableExp((drawn / 20) * Math.LN10);
      for (let i = at; i < at + width; i++) inputs[i] = (inputs[i] as number) * factor;
    },
};
