import type { RunSpec } from "../../../shared/config/spec.ts";
import { termNeeds } from "../../../shared/distill/termNeeds.ts";
import { termsOf } from "../../../shared/distill/termsOf.ts";

/** Temperatures at which the terms of a spec compare with teachers, and 1; ascending. */
export function temperaturesOf({ distill }: Pick<RunSpec, "distill">): number[] {
  const of = termsOf(distill).flatMap((term) =>
    termNeeds[term.kind].teachers && "temperature" in term ? [term.temperature] : [],
  );
  return [...new Set([1, ...of])].sort((a, b) => a - b);
}
