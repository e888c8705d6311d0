import type { ViewStepOf } from "../../config/viewsSpec.ts";
import { portableLog } from "../../determinism/elementary.ts";
import type { StepRule } from "./stepRule.ts";

/**
 * Adds a normal draw to each number. Marsaglia's polar method takes two of them from a point (a, b) of the unit disc,
 * s = a^2 + b^2: a and b times sqrt(-2 log(s) / s). It needs no cosine, and its logarithm is `portableLog`, so the
 * bits are the same in every engine.
 */
export const noise: StepRule<ViewStepOf<"noise">> = {
  refuse: () => undefined,
  prepare:
    ({ deviation }, { inputs, width }) =>
    (at, draws) => {
      for (let i = at; i < at + width; i += 2) {
        let a = 0;
        let b = 0;
        let s = 0;
        while (s >= 1 || s === 0) {
          a = 2 * draws.uniform() - 1;
          b = 2 * draws.uniform() - 1;
          s = a * a + b * b;
        }
        const scale = deviation * Math.sqrt((-2 * portableLog(s)) / s);
        inputs[i] = (inputs[i] as number) + a * scale;
        if (i + 1 < at + width) inputs[i + 1] = (inputs[i + 1] as number) + b * scale;
      }
    },
};
