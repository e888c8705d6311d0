import type { ViewStepOf } from "../../config/viewsSpec.ts";
import type { StepRule } from "./stepRule.ts";

/**
 * Drops tokens, each with the same probability; those behind move up, and zeros fill the end. Where all would go one
 * stays, any with the same chance. A 0 is no token but padding, wherever it is, and moves as a token that stays.
 */
export const tokenDrop: StepRule<ViewStepOf<"token-drop">> = {
  refuse(_, inputShape) {
    return inputShape.length === 1 ? undefined : { expected: "token ids [length]" };
  },
  prepare({ probability }, { inputs, width }) {
    // Of each place, whether its token leaves.
    const leaves = new Uint8Array(width);
    return (at, draws) => {
      let tokens = 0;
      let left = 0;
      for (let i = 0; i < width; i++) {
        leaves[i] = 0;
        if (inputs[at + i] === 0) continue;
        tokens++;
        // Padding takes no draw, so a sample loses the same tokens whatever length it is filled up to.
        if (draws.uniform() >= probability) continue;
        leaves[i] = 1;
        left++;
      }
      if (left === 0) return;
      let spared = left === tokens ? draws.below(tokens) : -1;
      let to = at;
      for (let i = 0; i < width; i++) {
        if (leaves[i] === 1 && spared-- !== 0) continue;
        inputs[to++] = inputs[at + i] as number;
      }
      while (to < at + width) inputs[to++] = 0;
    };
  },
};
