/** Weights that are exchanged every E steps, and when which are used. */

/** The step whose weights a student uses of its peers in `step`, both counted from 0; undefined while nobody is heard. */
export function weightsStepAt(step: number, exchangeSteps: number): number | undefined {
  const round = Math.floor(step / exchangeSteps);
  return round < 2 ? undefined : (round - 1) * exchangeSteps;
}

/** @param done steps @returns whether somebody will use the weights that are there now */
export function publishesAt(done: number, exchangeSteps: number, totalSteps: number): boolean {
  return done > 0 && done % exchangeSteps === 0 && done + exchangeSteps < totalSteps;
}

/** @returns whether a student that goes on from `step` or later will never ask for the weights of `of` again */
export function isPast(of: number, step: number, exchangeSteps: number): boolean {
  return of + 2 * exchangeSteps <= step;
}
