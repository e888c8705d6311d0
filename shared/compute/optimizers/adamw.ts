import type { OptimizerSpec } from "../../config/spec.ts";
import { adam } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";

type AdamWSpec = Extract<OptimizerSpec, { kind: "adamw" }>;

/**
 * Adam with decoupled weight decay (Loshchilov, Hutter 2019): p *= 1 - lr weightDecay, then Adam's update. As in
 * PyTorch it decays every parameter, biases too.
 */
export function adamw(spec: AdamWSpec): Optimizer {
  return adam(spec, spec.weightDecay);
}
