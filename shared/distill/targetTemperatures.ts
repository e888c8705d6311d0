import type { TermSpec } from "../config/distillSpec.ts";
import { termNeeds } from "./termNeeds.ts";

/** Kinds that ask for their teachers' answers at T = 1, whatever their own temperature. */
const atOne: readonly TermSpec["kind"][] = ["logit-mse", "standardised-kl", "teacher-labels"];

/** Where a term reads its target: at one temperature, or from step to step at others on the way to `cooledTo`. */
export interface TargetTemperature {
  readonly at: number;
  readonly cooledTo?: number;
}

/** @returns undefined for a term that does not listen to teachers' answers */
export function targetTemperature(term: TermSpec): TargetTemperature | undefined {
  if (!termNeeds[term.kind].teachers) return undefined;
  if (atOne.includes(term.kind) || !("temperature" in term)) return { at: 1 };
  const cooled = "cooling" in term && term.cooling;
  return cooled && cooled.to !== term.temperature
    ? { at: term.temperature, cooledTo: cooled.to }
    : { at: term.temperature };
}

/** All at which terms begin or end to read, and 1, at which teachers are judged: ascending, each once. */
export function targetTemperatures(terms: readonly TermSpec[]): number[] {
  const read = terms.flatMap((term) => {
    const found = targetTemperature(term);
    return found ? [found.at, found.cooledTo ?? found.at] : [];
  });
  return ascending([1, ...read]);
}

export function ascending(temperatures: readonly number[]): number[] {
  return [...new Set(temperatures)].sort((a, b) => a - b);
}
