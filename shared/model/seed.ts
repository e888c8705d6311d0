import { type Rng, rng } from "../determinism/rng.ts";
import { StillhouseError } from "../errors.ts";

/** Where randomness starts: a run's seed, and whatever names tell this use of it from others. */
export type Seed = readonly (string | number)[];

export class EmptySeed extends StillhouseError {}

/**
 * The random stream of a seed and a name.
 * @throws EmptySeed for a seed of no parts, which would give every model the same numbers
 */
export function rngOf(seed: Seed, ...name: readonly (string | number)[]): Rng {
  const [first, ...rest] = seed;
  if (first === undefined) {
    throw new EmptySeed("Cannot draw random numbers from a seed of no parts: give at least the run's seed");
  }
  return rng(first, ...rest, ...name);
}
