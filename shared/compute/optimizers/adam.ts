import type { OptimizerSpec } from "../../config/spec.ts";
import { type Optimizer, OptimizerStateMismatch, Slots } from "./optimizer.ts";

type AdamSpec = Extract<OptimizerSpec, { kind: "adam" }>;

/**
 * Adam (Kingma, Ba 2015) as PyTorch defines it: moments corrected for their start at 0, epsilon outside the root.
 *
 *   m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g^2
 *   p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
 *
 * @param decay taken from each weight before the update, times the learning rate: AdamW's
 */
export function adam(spec: Omit<AdamSpec, "kind">, decay = 0): Optimizer {
  const { beta1, beta2, epsilon } = spec;
  const slots = new Slots("m", "v");
  let t = 0;
  return {
    step(parameters, gradients, lr) {
      const [firsts, seconds] = slots.beside(parameters) as [Float32Array[], Float32Array[]];
      t++;
      const rate = lr / (1 - beta1 ** t);
      const rootScale = 1 / Math.sqrt(1 - beta2 ** t);
      const keep = 1 - lr * decay;
      parameters.forEach((p, k) => {
        const g = gradients[k] as Float32Array;
        const m = firsts[k] as Float32Array;
        const v = seconds[k] as Float32Array;
        for (let i = 0; i < p.length; i++) {
          const gi = g[i] as number;
          const mi = beta1 * (m[i] as number) + (1 - beta1) * gi;
          const vi = beta2 * (v[i] as number) + (1 - beta2) * gi * gi;
          m[i] = mi;
          v[i] = vi;
          p[i] = keep * (p[i] as number) - (rate * mi) / (Math.sqrt(vi) * rootScale + epsilon);
        }
      });
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
