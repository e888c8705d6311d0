import type { OptimizerSpec } from "../../config/trainSpec.ts";
import { adam, adamSlots } from "./adam.ts";
import type { Optimizer, Trained } from "./optimizer.ts";
import { sgd, sgdSlots } from "./sgd.ts";

/** Names of the arrays that an optimiser keeps beside each parameter. */
export function slotNames(spec: OptimizerSpec): readonly string[] {
  return spec.kind === "sgd" ? sgdSlots(spec) : adamSlots;
}

/** How many arrays an optimiser takes from the arena for each parameter, of its length. */
export function optimizerSlots(spec: OptimizerSpec): number {
  return slotNames(spec).length;
}

/**
 * The optimiser that a spec names, in its initial state, for these parameters.
 * @throws GradientsMismatch
 * @throws ForeignArray when a parameter or gradient is not of the arena
 * @throws ArenaExceeded when the arena has no room for `optimizerSlots(spec)` more arrays a parameter
 */
export function createOptimizer(spec: OptimizerSpec, trained: Trained): Optimizer {
  return spec.kind === "sgd" ? sgd(spec, trained) : adam(spec, trained);
}
