import { learntList, learntMatrix } from "../../compute/learntWeight.ts";
import type { LearntWeight } from "../../compute/objective.ts";
import type { Seed } from "../../model/seed.ts";
import { initialScale } from "../losses/vid.ts";
import type { LearntRole } from "./featureView.ts";
import type { FeatureUse } from "./planFeatures.ts";

/** The name of a weight that a term learns beside the student. */
export function learntNameOf({ place }: Pick<FeatureUse, "place">, role: LearntRole): string {
  return `term_${place}_${role}`;
}

/** What a term learns beside the student: regressors, embeddings and variances, with their first values. */
export function learntWeights(use: FeatureUse, seed: Seed): LearntWeight[] {
  const { term, studentShape, teacherShape } = use;
  const matrix = (role: LearntRole, from: number, to: number): LearntWeight => {
    const name = learntNameOf(use, role);
    return learntMatrix(name, from, to, [...seed, "learnt", name]);
  };
  const list = (role: LearntRole, size: number, first = 0): LearntWeight =>
    learntList(learntNameOf(use, role), size, first);
  const channels = teacherShape.at(-1) ?? 1;
  switch (term.kind) {
    case "fitnets":
      return [matrix("kernel", studentShape.at(-1) as number, channels), list("bias", channels)];
    case "vid":
      return [
        matrix("kernel", studentShape.at(-1) as number, channels),
        list("bias", channels),
        list("scale", channels, initialScale(term.initialVariance)),
      ];
    case "crd": {
      const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);
      const [ours, theirs] = [sizeOf(studentShape), sizeOf(teacherShape)];
      return [
        matrix("student-kernel", ours, term.dimension),
        list("student-bias", term.dimension),
        matrix("teacher-kernel", theirs, term.dimension),
        list("teacher-bias", term.dimension),
      ];
    }
    case "attention-transfer":
    case "nst":
    case "rkd":
    case "similarity-preserving":
      return [];
  }
}
