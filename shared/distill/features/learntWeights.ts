import type { LearntWeight } from "../../compute/objective.ts";
import { rngOf, type Seed } from "../../model/seed.ts";
import type { LearntRole } from "./featureView.ts";
import type { FeatureUse } from "./planFeatures.ts";

/** The name of a weight that a term learns beside the student. */
export function learntNameOf({ place }: Pick<FeatureUse, "place">, role: LearntRole): string {
  return `term_${place}_${role}`;
}

/**
 * What a term learns beside the student, with its first values: regressors and embeddings are Glorot uniform, biases 0.
 * @param initialScale of a channel's learnt variance, as `vid` stores it
 */
export function learntWeights(
  use: FeatureUse,
  seed: Seed,
  initialScale: (variance: number) => number,
): LearntWeight[] {
  const { term, studentShape, teacherShape } = use;
  const named = (role: LearntRole, shape: readonly number[], initial: Float32Array): LearntWeight => ({
    name: learntNameOf(use, role),
    shape,
    initial,
  });
  const matrix = (role: LearntRole, from: number, to: number): LearntWeight =>
    named(role, [from, to], glorotUniform(from, to, [...seed, "learnt", learntNameOf(use, role)]));
  const zeros = (role: LearntRole, size: number): LearntWeight => named(role, [size], new Float32Array(size));
  const channels = teacherShape.at(-1) ?? 1;
  switch (term.kind) {
    case "fitnets":
      return [matrix("kernel", studentShape.at(-1) as number, channels), zeros("bias", channels)];
    case "vid": {
      const scale = new Float32Array(channels).fill(initialScale(term.initialVariance));
      return [
        matrix("kernel", studentShape.at(-1) as number, channels),
        zeros("bias", channels),
        named("scale", [channels], scale),
      ];
    }
    case "crd": {
      const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);
      const [ours, theirs] = [sizeOf(studentShape), sizeOf(teacherShape)];
      return [
        matrix("student-kernel", ours, term.dimension),
        zeros("student-bias", term.dimension),
        matrix("teacher-kernel", theirs, term.dimension),
        zeros("teacher-bias", term.dimension),
      ];
    }
    case "attention-transfer":
    case "nst":
    case "rkd":
    case "similarity-preserving":
      return [];
  }
}

function glorotUniform(from: number, to: number, seed: Seed): Float32Array {
  const stream = rngOf(seed);
  const limit = Math.sqrt(6 / (from + to));
  return Float32Array.from({ length: from * to }, () => (2 * stream.uniform() - 1) * limit);
}
