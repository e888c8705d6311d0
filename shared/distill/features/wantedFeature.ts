import type { TermSpec } from "../../config/distillSpec.ts";
import type { Features } from "../../config/modelFileSpec.ts";
import type { RunSpec, StudentSpec } from "../../config/spec.ts";
import type { StudentSpecs } from "../../config/students.ts";
import type { TeacherSpec } from "../../config/teacherSpec.ts";
import { StillhouseError } from "../../errors.ts";

/** A term learns from something that a teacher does not give, a student does not have, or that do not fit each other. */
export class FeatureRefused extends StillhouseError {}

export type FeatureTerm = Extract<TermSpec, { feature: string }>;

/** What a spec says of it. */
export type FeatureSpecs = StudentSpecs & Pick<RunSpec, "teachers" | "labels">;

/** Of a sample, and of an answer. */
export interface DataShape {
  readonly inputShape: readonly number[];
  readonly classes: number;
}

/** As a term uses a feature, before its form is chosen. */
export interface WantedFeature {
  readonly term: FeatureTerm;
  readonly place: number;
  readonly teacher: number;
  readonly student: StudentSpec;
  readonly studentShape: readonly number[];
}

/** What a teacher exposes, by name. */
export function featuresOf(teacher: TeacherSpec): NonNullable<Features> {
  if ("labels" in teacher) return {};
  const made = "train" in teacher || "student" in teacher;
  return (made ? teacher.features : teacher.model.features) ?? {};
}

/** The error that names the term and what is wrong with it. */
export function refused(term: FeatureTerm, why: string): FeatureRefused {
  return new FeatureRefused(`Cannot use the term ${term.kind} as ${why}`, {
    fields: { term: term.kind, feature: term.feature, layer: term.layer, teacher: term.teacher },
  });
}
