import { glorotUniform } from "../model/initialise.ts";
import { rngOf, type Seed } from "../model/seed.ts";
import type { LearntWeight } from "./objective.ts";

/** A matrix that is learnt beside the student: Glorot uniform at first. */
export function learntMatrix(name: string, from: number, to: number, seed: Seed): LearntWeight {
  const initial = new Float32Array(from * to);
  glorotUniform(initial, [from, to], rngOf(seed));
  return { name, shape: [from, to], initial };
}

/** A list of numbers that is learnt beside the student: the same at first, 0 unless said. */
export function learntList(name: string, size: number, first = 0): LearntWeight {
  return { name, shape: [size], initial: new Float32Array(size).fill(first) };
}
