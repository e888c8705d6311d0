import type { OptimizerSpec } from "../../config/trainSpec.ts";
import { clipFactor } from "../clip.ts";
import { checkGradients, type Optimizer, type Trained } from "./optimizer.ts";
import { Slots } from "./slots.ts";

export type SgdSpec = Extract<OptimizerSpec, { kind: "sgd" }>;

/** Plain gradient descent remembers nothing. */
export function sgdSlots({ momentum }: SgdSpec): string[] {
  return momentum === 0 ? [] : ["momentum"];
}

/**
 * Stochastic gradient descent with momentum, as PyTorch defines it (no dampening):
 *
 *   g' = g + weightDecay p,   b = momentum b + g',   p -= lr d
 *   d = g' + momentum b with Nesterov, else b;   b starts at 0
 *
 * @throws GradientsMismatch
 */
export function sgd(spec: SgdSpec, trained: Trained): Optimizer {
  const { momentum, nesterov, weightDecay } = spec;
  const { arena, parameters, gradients } = trained;
  checkGradients(trained);
  const slots = new Slots(sgdSlots(spec), trained);
  const places = parameters.map((p, k) => ({
    n: p.length,
    p: arena.pointerTo(p),
    g: arena.pointerTo(gradients[k] as Float32Array),
    b: momentum === 0 ? 0 : arena.pointerTo(slots.arrays[0]?.[k] as Float32Array),
  }));
  return {
    step(lr, clipNorm) {
      const factor = clipFactor(arena, gradients, clipNorm);
      for (const { n, p, g, b } of places) {
        if (momentum === 0) arena.kernels.sgd(p, g, n, lr * factor, lr * weightDecay);
        else arena.kernels.momentum(p, g, b, n, factor, lr, momentum, weightDecay, nesterov ? 1 : 0);
      }
    },
    slots: slots.byName(),
    countStep() {},
    state: () => slots.state(),
    restore: (state) => slots.restore(state),
  };
}
