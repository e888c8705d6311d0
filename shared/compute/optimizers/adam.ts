import type { OptimizerSpec } from "../../config/trainSpec.ts";
import { clipFactor } from "../clip.ts";
import { checkGradients, type Optimizer, OptimizerStateMismatch, type Trained } from "./optimizer.ts";
import { Slots } from "./slots.ts";

export type AdamSpec = Extract<OptimizerSpec, { kind: "adam" | "adamw" }>;

export const adamSlots = ["m", "v"] as const;

/**
 * What changes from step to step; `t` counts steps from 1. The correction of v is taken out of the fraction, above and
 * below: p = keep p - rate m / (sqrt(v) + epsilon) has one multiplication less for each parameter.
 */
export function adamScalars(spec: AdamSpec, lr: number, t: number) {
  const correction = Math.sqrt(1 - spec.beta2 ** t);
  return {
    rate: (lr * correction) / (1 - spec.beta1 ** t),
    epsilon: spec.epsilon * correction,
    keep: spec.kind === "adamw" ? 1 - lr * spec.weightDecay : 1,
  };
}

/**
 * Adam (Kingma, Ba 2015) as PyTorch defines it: moments corrected for their start at 0, epsilon outside the root.
 *
 *   m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2
 *   p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
 *
 * AdamW decouples weight decay (Loshchilov, Hutter 2019): p *= 1 - lr weightDecay comes first. As in PyTorch it decays
 * every parameter, biases too.
 *
 * @throws GradientsMismatch
 */
export function adam(spec: AdamSpec, trained: Trained): Optimizer {
  const { beta1, beta2 } = spec;
  const { arena, parameters, gradients } = trained;
  checkGradients(trained);
  const slots = new Slots(adamSlots, trained);
  const places = parameters.map((p, k) => {
    const [m, v] = slots.arrays.map((slot) => arena.pointerTo(slot[k] as Float32Array)) as [number, number];
    return { n: p.length, p: arena.pointerTo(p), g: arena.pointerTo(gradients[k] as Float32Array), m, v };
  });
  let t = 0;
  return {
    step(lr, clipNorm) {
      t++;
      const factor = clipFactor(arena, gradients, clipNorm);
      const { rate, epsilon, keep } = adamScalars(spec, lr, t);
      // In 64 bits: in 32, subtracting from 1 would lose digits of a beta near it. Clipping costs no pass so.
      const rest1 = (1 - beta1) * factor;
      const rest2 = (1 - beta2) * factor ** 2;
      for (const { n, p, g, m, v } of places) {
        arena.kernels.adam(p, g, m, v, n, beta1, rest1, beta2, rest2, rate, epsilon, keep);
      }
    },
    slots: slots.byName(),
    countStep() {
      t++;
    },
    state: () => ({ t, ...slots.state() }),
    restore(state) {
      if (typeof state.t !== "number") {
        throw new OptimizerStateMismatch(
          `Cannot restore Adam from the state [${Object.keys(state)}]: its step count "t" is missing`,
        );
      }
      slots.restore(state);
      t = state.t;
    },
  };
}
