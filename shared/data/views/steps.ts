import type { ViewKind, ViewStep, ViewStepOf } from "../../config/viewsSpec.ts";
import { crop } from "./crop.ts";
import { cutout } from "./cutout.ts";
import { flip } from "./flip.ts";
import { gain } from "./gain.ts";
import { mixup } from "./mixup.ts";
import { noise } from "./noise.ts";
import { shift } from "./shift.ts";
import { specAugment } from "./specAugment.ts";
import type { StepRule } from "./stepRule.ts";
import { timeShift } from "./timeShift.ts";
import { tokenDrop } from "./tokenDrop.ts";

/**
 * Every kind of step. A change of what one draws or computes must raise LABEL_VERSION, as labels of the old numbers
 * would stand for the new ones.
 */
export const viewSteps: { readonly [K in ViewKind]: StepRule<ViewStepOf<K>> } = {
  shift,
  flip,
  crop,
  cutout,
  mixup,
  "time-shift": timeShift,
  noise,
  gain,
  "spec-augment": specAugment,
  "token-drop": tokenDrop,
};

/** The rule of a step's kind. */
export function ruleOf(step: ViewStep): StepRule<ViewStep> {
  // The compiler does not follow that a rule found by the kind of a step takes that step.
  return viewSteps[step.kind] as StepRule<ViewStep>;
}
