/**
 * The decay of a mean teacher (Tarvainen, Valpola 2017) with warm-up: min(1 - 1 / (step + 1), a), so that its first average
 * is the student and the first steps count alike.
 *
 * @param step counted from 0
 * @param a the decay that it comes to, 0.99 to 0.999
 */
export function emaDecay(step: number, a: number): number {
  return Math.min(1 - 1 / (step + 1), a);
}

/** Moves an average, in place, towards the weights: average = decay average + (1 - decay) weights. */
export function moveAverage(average: Float32Array, weights: Float32Array, decay: number): void {
  if (average.length !== weights.length) {
    throw new RangeError(`Cannot average ${weights.length} weights into ${average.length}`);
  }
  for (let i = 0; i < average.length; i++) {
    average[i] = decay * (average[i] as number) + (1 - decay) * (weights[i] as number);
  }
}
