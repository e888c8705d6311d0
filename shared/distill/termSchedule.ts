import type { TermSpec } from "../config/distillSpec.ts";

/** @returns whether the weight differs from step to step */
export function weightChanges({ warmupEpochs, decay }: TermSpec): boolean {
  return warmupEpochs > 0 || decay !== undefined;
}

/** The weight of a term: up from 0 over its warm-up, then down to its share over its decay, both linearly. */
export function weightAt(
  { weight, warmupEpochs, decay }: TermSpec,
  step: number,
  stepsPerEpoch: number,
): number {
  // The first step has its share of the warm-up already, and the last of it the whole weight.
  const done = (step + 1) / stepsPerEpoch;
  if (done < warmupEpochs) return (weight * done) / warmupEpochs;
  if (!decay) return weight;
  const fallen = Math.min(1, (done - warmupEpochs) / decay.epochs);
  return weight * (1 - fallen * (1 - decay.to));
}

/** The temperature of a term, from its first linearly to its last; undefined for a term that has none. */
export function temperatureAt(term: TermSpec, step: number, stepsPerEpoch: number): number | undefined {
  if (!("temperature" in term)) return undefined;
  if (!("cooling" in term) || !term.cooling) return term.temperature;
  const { to, epochs } = term.cooling;
  const share = Math.min(1, step / stepsPerEpoch / epochs);
  return term.temperature + share * (to - term.temperature);
}
