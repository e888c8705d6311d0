import type { OptimizerSpec } from "../../config/spec.ts";
import { type NamedState, type Optimizer, Slots } from "./optimizer.ts";

type SgdSpec = Extract<OptimizerSpec, { kind: "sgd" }>;

/**
 * Stochastic gradient descent with momentum, as PyTorch defines it (no dampening):
 *
 *   g' = g + weightDecay p,   b = momentum b + g',   p -= lr d
 *   d = g' + momentum b with Nesterov, else b;   b starts at 0
 */
export function sgd(spec: SgdSpec): Optimizer {
  const { momentum, nesterov, weightDecay } = spec;
  const slots = new Slots("momentum");
  return {
    step(parameters, gradients, lr) {
      if (momentum === 0) {
        parameters.forEach((p, k) => {
          const g = gradients[k] as Float32Array;
          for (let i = 0; i < p.length; i++) {
            const pi = p[i] as number;
            p[i] = pi - lr * ((g[i] as number) + weightDecay * pi);
          }
        });
        return;
      }
      const [buffers] = slots.beside(parameters) as [Float32Array[]];
      parameters.forEach((p, k) => {
        const g = gradients[k] as Float32Array;
        const b = buffers[k] as Float32Array;
        for (let i = 0; i < p.length; i++) {
          const pi = p[i] as number;
          const gi = (g[i] as number) + weightDecay * pi;
          const bi = momentum * (b[i] as number) + gi;
          b[i] = bi;
          p[i] = pi - lr * (nesterov ? gi + momentum * bi : bi);
        }
      });
    },
    state: (): NamedState => slots.state(),
    restore: (state) => slots.restore(state),
  };
}
