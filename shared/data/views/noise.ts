import type { ViewStepOf } from "../../config/viewsSpec.ts";
import { normalTable } from "./normalTable.ts";
import type { StepRule } from "./stepRule.ts";

/** Adds `deviation` times a normal draw to each number. */
export const noise: StepRule<ViewStepOf<"noise">> = {
  refuse: () => undefined,
  prepare({ deviation }, { inputs, width }) {
    const normal = normalTable();
    return (at, draws) => {
      const end = at + width;
      for (let i = at; i < end; i += 2) {
        const word = draws.uint32();
        inputs[i] = (inputs[i] as number) + deviation * (normal[word >>> 16] as number);
        if (i + 1 === end) return;
        inputs[i + 1] = (inputs[i + 1] as number) + deviation * (normal[word & 0xffff] as number);
      }
    };
  },
};
