import { negativesOf } from "./negatives.ts";
import type { FeatureUse } from "./planFeatures.ts";

/** Rows of a batch whose triplets are compared: more of them are a cube. */
export const MOST_ANGLE_ROWS = 128;
/** Arrays of a value's size that forward and backward pass of a comparison hold at once, counted in the compiled step. */
const HELD = 8;
const FLOAT = 4;

/** What one term takes at once in one training: with its batch in a step, and from step to step. */
export interface TermBytes {
  readonly step: number;
  readonly memory: number;
}

/**
 * An estimate from above of what a term that looks inside takes.
 * @param batch samples a step
 * @param samples of the training split
 */
export function peakBytes(
  { term, studentShape, teacherShape }: FeatureUse,
  batch: number,
  samples: number,
): TermBytes {
  const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);
  const features = FLOAT * HELD * batch * (sizeOf(studentShape) + sizeOf(teacherShape));
  const pairs = FLOAT * HELD * batch * batch;
  switch (term.kind) {
    case "fitnets":
    case "attention-transfer":
    case "vid":
      return { step: features, memory: 0 };
    case "nst": {
      const channels = (studentShape.at(-1) as number) + (teacherShape.at(-1) as number);
      return { step: features + FLOAT * HELD * batch * channels * channels, memory: 0 };
    }
    case "similarity-preserving":
      return { step: features + pairs, memory: 0 };
    case "rkd": {
      const rows = Math.min(batch, MOST_ANGLE_ROWS);
      const triplets = term.angle > 0 ? FLOAT * HELD * rows ** 3 : 0;
      return { step: features + pairs + triplets, memory: 0 };
    }
    case "crd": {
      const negatives = negativesOf(term, samples);
      const others = (term.shared ? 1 : batch) * negatives * term.dimension;
      // Both sides are gathered; what is not shared is multiplied out.
      const copies = term.shared ? 2 : 4;
      const scores = FLOAT * HELD * 2 * batch * negatives;
      return {
        step: features + FLOAT * copies * others + scores,
        memory: 2 * 2 * samples * term.dimension,
      };
    }
  }
}
