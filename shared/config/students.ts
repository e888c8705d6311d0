import { contentHash } from "../determinism/hash.ts";
import { termsOf } from "../distill/termsOf.ts";
import type { DistillSpec } from "./distillSpec.ts";
import type { RunSpec, StudentSpec } from "./spec.ts";

/** One of the students of a run, over its seeds. */
export interface RunStudent {
  /** Absent: the run's `student`; else one of its `moreStudents`. */
  readonly name?: string | undefined;
  readonly student: StudentSpec;
  readonly distill: DistillSpec;
  readonly seeds: readonly number[];
}

/** What of a spec says who its students are. */
export type StudentSpecs = Pick<RunSpec, "student" | "distill" | "seeds" | "moreStudents">;

/** The run's `student`, then `moreStudents`, each with what it takes over from there. */
export function studentsOf({ student, distill, seeds, moreStudents = [] }: StudentSpecs): RunStudent[] {
  return [
    { student, distill, seeds },
    ...moreStudents.map((own) => ({
      name: own.name,
      student: {
        ...student,
        ...(own.model && { model: own.model }),
        ...(own.train && { train: own.train }),
        ...(own.correctBias && { correctBias: own.correctBias }),
      },
      distill: own.distill ?? distill,
      seeds: own.seeds ?? seeds,
    })),
  ];
}

/** @throws RangeError for a name that the spec does not have */
export function studentOf(spec: StudentSpecs, name: string | undefined): RunStudent {
  const found = studentsOf(spec).find((one) => one.name === name);
  if (found) return found;
  throw new RangeError(`Cannot find student "${name}": the spec has no such name in moreStudents`);
}

/** The spec of a run of that student alone. */
export function specOf(
  { moreStudents: _, ...spec }: RunSpec,
  { student, distill, seeds }: RunStudent,
): RunSpec {
  return { ...spec, student, distill, seeds: [...seeds] };
}

/**
 * Whether two students are the same one when they are trained alone: of one architecture, trained alike, on the true
 * values by the same loss.
 */
export function sameAlone(a: RunStudent, b: RunStudent): boolean {
  const alone = ({ student, distill }: RunStudent) => contentHash([student, huberDelta(distill) ?? null]);
  return alone(a) === alone(b);
}

/** Of a regression whose students learn the true values by Huber's loss: so does the student alone. */
export function huberDelta(distill: DistillSpec): number | undefined {
  return termsOf(distill).find((term) => term.kind === "huber")?.delta;
}
