import { nearMatches } from "../../config/nearest.ts";
import { type RunStudent, studentsOf } from "../../config/students.ts";
import type { TeacherSpec } from "../../config/teacherSpec.ts";
import { layerShapes } from "../../model/layerShapes.ts";
import type { FeatureLayout } from "../../protocol/features.ts";
import { plainTermsOf } from "../termsOf.ts";
import { layoutOf } from "./featureLayout.ts";
import {
  type DataShape,
  type FeatureRefused,
  type FeatureSpecs,
  type FeatureTerm,
  featuresOf,
  refused,
  type WantedFeature,
} from "./wantedFeature.ts";

/** A term that looks inside, and what it compares. */
export interface FeatureUse {
  readonly term: FeatureTerm;
  /** Among the terms of the loss. */
  readonly place: number;
  /** Among the teachers of the spec. */
  readonly teacher: number;
  /** What the student's layer gives, without the batch. */
  readonly studentShape: readonly number[];
  /** What comes of the teacher: its logits, or one of the features of its labels. */
  readonly source: FeatureLayout | "logits";
  /** The same as a shape, without the batch. */
  readonly teacherShape: readonly number[];
}

export interface FeaturePlan {
  readonly uses: readonly FeatureUse[];
  /** For each teacher, the features that its labels carry, in the order of its spec. */
  readonly layouts: readonly (readonly FeatureLayout[])[];
}

/**
 * What a student's terms want of the inside of teachers and student, and how what all students of the run want crosses
 * the network. A function of the spec and of the shape of the data alone, so that whoever writes labels and whoever reads
 * them agree.
 * @param name one of `moreStudents`; absent: the run's `student`
 * @throws FeatureRefused
 */
export function planFeatures(spec: FeatureSpecs, data: DataShape, name?: string): FeaturePlan {
  const students = studentsOf(spec).map((one) => ({ name: one.name, wanted: wantedBy(one, spec, data) }));
  const all = students.flatMap(({ wanted }) => wanted);
  const wanted = students.find((one) => one.name === name)?.wanted ?? [];
  const layouts = spec.teachers.map((teacher, k) =>
    Object.entries(featuresOf(teacher)).flatMap(([feature, exposed]): FeatureLayout[] => {
      const users = all.filter((one) => one.teacher === k && one.term.feature === feature);
      return users.length === 0 ? [] : [layoutOf(feature, exposed, users, teacher, spec.labels, data)];
    }),
  );
  const uses = wanted.map(({ student: _, ...one }): FeatureUse => {
    const { term, teacher } = one;
    if (term.feature === "logits" && relational(term)) {
      if ("logits" in featuresOf(spec.teachers[teacher] as TeacherSpec)) {
        throw refused(
          term,
          'its teacher calls a feature "logits", which are its answers: expected another name',
        );
      }
      return { ...one, source: "logits", teacherShape: [data.classes] };
    }
    const source = layouts[teacher]?.find(({ name }) => name === term.feature);
    if (source) return { ...one, source, teacherShape: source.shape };
    throw unknownFeature(term, spec.teachers[teacher] as TeacherSpec);
  });
  return { uses, layouts };
}

function wantedBy({ student, distill }: RunStudent, spec: FeatureSpecs, data: DataShape): WantedFeature[] {
  return plainTermsOf(distill).flatMap((term, place): WantedFeature[] => {
    if (!("feature" in term)) return [];
    const layers = layerShapes(student.model, data.inputShape, data.classes);
    const studentShape = layers.get(term.layer);
    if (studentShape) return [{ term, place, teacher: teacherOf(term, spec), student, studentShape }];
    throw refused(
      term,
      `the student has no layer "${term.layer}": it has [${[...layers.keys()].join(", ")}]`,
    );
  });
}

/** Terms that compare samples with each other, and so need no feature of the student's size. */
function relational({ kind }: FeatureTerm): boolean {
  return kind === "rkd" || kind === "similarity-preserving" || kind === "crd";
}

function teacherOf(term: FeatureTerm, { teachers }: FeatureSpecs): number {
  const names = teachers.map(({ name }) => name);
  const known = term.teacher === undefined ? (names.length === 1 ? 0 : -1) : names.indexOf(term.teacher);
  if (known >= 0) return known;
  throw refused(
    term,
    `its teacher is ${term.teacher === undefined ? "not said" : `"${term.teacher}"`}: expected one of [${names.join(", ")}]`,
  );
}

function unknownFeature(term: FeatureTerm, teacher: TeacherSpec): FeatureRefused {
  if ("labels" in teacher) {
    return refused(term, `teacher "${teacher.name}" is labels alone, which have no "${term.feature}" inside`);
  }
  const known = Object.keys(featuresOf(teacher));
  const near = nearMatches(term.feature, known);
  const hint =
    near.length > 0
      ? `did you mean "${near.join('" or "')}"?`
      : known.length > 0
        ? `it exposes [${known.join(", ")}]`
        : "it exposes none: name them under its `features`";
  return refused(term, `teacher "${teacher.name}" does not expose the feature "${term.feature}"; ${hint}`);
}
