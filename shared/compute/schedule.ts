import type { ScheduleSpec } from "../config/trainSpec.ts";

/**
 * The learning rate of a step, counted from 0.
 *
 * Warm-up multiplies by (step + 1) / warmupSteps: on the line that is 0 just before the first step, so that the first
 * step already learns and step `warmupSteps` - 1 has the full rate. The cosine spans the steps after the warm-up and
 * would reach `floor` at step `totalSteps`.
 */
export function learningRateAt(
  spec: ScheduleSpec,
  base: number,
  step: number,
  totalSteps: number,
  stepsPerEpoch: number,
): number {
  const warmup = step < spec.warmupSteps ? (step + 1) / spec.warmupSteps : 1;
  return base * warmup * shapeAt(spec, step, totalSteps, stepsPerEpoch);
}

function shapeAt(spec: ScheduleSpec, step: number, totalSteps: number, stepsPerEpoch: number): number {
  switch (spec.kind) {
    case "constant":
      return 1;
    case "cosine": {
      const span = Math.max(1, totalSteps - spec.warmupSteps);
      const done = Math.min(1, Math.max(0, step - spec.warmupSteps) / span);
      return spec.floor + ((1 - spec.floor) * (1 + Math.cos(Math.PI * done))) / 2;
    }
    case "step": {
      const epoch = Math.floor(step / stepsPerEpoch);
      return spec.factor ** spec.epochs.filter((drop) => drop <= epoch).length;
    }
  }
}
