import type { ViewStepOf } from "../../config/viewsSpec.ts";
import { moveAlong } from "./moveAlong.ts";
import type { StepRule } from "./stepRule.ts";

/** Moves samples [time, ...] later or earlier by up to `frames`, all equally likely; zeros come in. */
export const timeShift: StepRule<ViewStepOf<"time-shift">> = {
  refuse({ frames }, [time = 0]) {
    return frames < time ? undefined : { key: "frames", expected: `less than ${time}` };
  },
  prepare({ frames }, { dataset, inputs, width }) {
    const [time = 1] = dataset.inputShape;
    const frame = width / time;
    return (at, draws) => {
      moveAlong(inputs, at, width, (draws.below(2 * frames + 1) - frames) * frame);
    };
  },
};
