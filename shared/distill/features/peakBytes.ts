import { negativesOf } from "./negatives.ts";
import type { FeatureUse } from "./planFeatures.ts";

/** Rows of a batch whose triplets are compared: more of them are a cube. */
export const MOST_ANGLE_ROWS = 128;
const FLOAT = 4;
/*
 * How many arrays of a size are held at once. The most is at the first step, which TensorFlow.js checks kernel by kernel
 * with all tensors of forward and backward pass. Measured as the process's peak above that of kd alone, batch 128, 20,000
 * samples, embeddings of 128: rkd 514 MB (planned 543), crd with 16,384 shared negatives 618 MB (773), with 2,048 of each
 * sample's own 1,433 MB (1,695).
 */
const OF_FEATURES = 16;
const OF_PAIRS = 64;
const OF_SCORES = 40;
const OF_OTHERS = 12;

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
  const features = FLOAT * OF_FEATURES * batch * (sizeOf(studentShape) + sizeOf(teacherShape));
  const pairs = FLOAT * OF_PAIRS * batch * batch;
  switch (term.kind) {
    case "fitnets":
    case "attention-transfer":
    case "vid":
      return { step: features, memory: 0 };
    case "nst": {
      const channels = (studentShape.at(-1) as number) + (teacherShape.at(-1) as number);
      return { step: features + FLOAT * OF_FEATURES * batch * channels * channels, memory: 0 };
    }
    case "similarity-preserving":
      return { step: features + pairs, memory: 0 };
    case "rkd": {
      const rows = Math.min(batch, MOST_ANGLE_ROWS);
      const triplets = term.angle > 0 ? FLOAT * OF_PAIRS * rows ** 3 : 0;
      return { step: features + pairs + triplets, memory: 0 };
    }
    case "crd": {
      const negatives = negativesOf(term, samples);
      const others = (term.shared ? 1 : batch) * negatives * term.dimension;
      const scores = FLOAT * OF_SCORES * 2 * batch * negatives;
      return {
        step: features + FLOAT * OF_OTHERS * others + scores,
        memory: 2 * 2 * samples * term.dimension,
      };
    }
  }
}
