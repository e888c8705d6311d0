import type { ViewKind, ViewStep, ViewStepOf } from "../../config/viewsSpec.ts";
import { flip } from "./flip.ts";
import { shift } from "./shift.ts";
import type { StepRule } from "./stepRule.ts";

/** Every kind of step. A change of the bits that one gives must raise LABEL_VERSION, as labels of old views would stay. */
export const viewSteps: { readonly [K in ViewKind]?: StepRule<ViewStepOf<K>> } = {
  shift,
  flip,
};

/** The rule of a step's kind. */
export function ruleOf(step: ViewStep): StepRule<ViewStep> {
  // The compiler does not follow that a rule found by the kind of a step takes that step.
  return viewSteps[step.kind] as StepRule<ViewStep>;
}
