import type { TermSpec } from "../../config/distillSpec.ts";
import type { Features } from "../../config/modelFileSpec.ts";
import { sourceOf } from "../../config/modelFileSpec.ts";
import { nearMatches } from "../../config/nearest.ts";
import type { RunSpec, TeacherSpec } from "../../config/spec.ts";
import { StillhouseError } from "../../errors.ts";
import { layerShapes } from "../../model/layerShapes.ts";
import type { FeatureLayout } from "../../protocol/features.ts";
import { plainTermsOf } from "../termsOf.ts";
import { asMap, pooledShape, poolingTo } from "./mapShapes.ts";

/** A term learns from something that a teacher does not give, a student does not have, or that do not fit each other. */
export class FeatureRefused extends StillhouseError {}

export type FeatureTerm = Extract<TermSpec, { feature: string }>;

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

type Planned = Pick<RunSpec, "distill" | "teachers" | "student" | "labels">;

/** As a term uses a feature, before its form is chosen. */
interface Wanted {
  readonly term: FeatureTerm;
  readonly place: number;
  readonly teacher: number;
  readonly studentShape: readonly number[];
}

/**
 * What a spec's terms want of the inside of teachers and student, and how it crosses the network. A function of the spec
 * and of the shape of the data alone, so that whoever writes labels and whoever reads them agree.
 * @throws FeatureRefused
 */
export function planFeatures(
  spec: Planned,
  data: { readonly inputShape: readonly number[]; readonly classes: number },
): FeaturePlan {
  const wanted = plainTermsOf(spec.distill).flatMap((term, place): Wanted[] => {
    if (!("feature" in term)) return [];
    const layers = layerShapes(spec.student.model, data.inputShape, data.classes);
    const studentShape = layers.get(term.layer);
    if (studentShape) return [{ term, place, teacher: teacherOf(term, spec), studentShape }];
    throw refused(
      term,
      `the student has no layer "${term.layer}": it has [${[...layers.keys()].join(", ")}]`,
    );
  });
  const layouts = spec.teachers.map((teacher, k) =>
    Object.entries(featuresOf(teacher)).flatMap(([name, feature]): FeatureLayout[] => {
      const users = wanted.filter((one) => one.teacher === k && one.term.feature === name);
      return users.length === 0 ? [] : [layoutOf(name, feature, users, teacher, spec, data)];
    }),
  );
  const uses = wanted.map((one): FeatureUse => {
    const { term, teacher } = one;
    if (term.feature === "logits" && relational(term)) {
      return { ...one, source: "logits", teacherShape: [data.classes] };
    }
    const source = layouts[teacher]?.find(({ name }) => name === term.feature);
    if (source) return { ...one, source, teacherShape: source.shape };
    throw unknownFeature(term, spec.teachers[teacher] as TeacherSpec);
  });
  return { uses, layouts };
}

/** Terms that compare samples with each other, and so need no feature of the student's size. */
function relational({ kind }: FeatureTerm): boolean {
  return kind === "rkd" || kind === "similarity-preserving" || kind === "crd";
}

function teacherOf(term: FeatureTerm, { teachers }: Planned): number {
  const names = teachers.map(({ name }) => name);
  const known = term.teacher === undefined ? (names.length === 1 ? 0 : -1) : names.indexOf(term.teacher);
  if (known >= 0) return known;
  throw refused(
    term,
    `its teacher is ${term.teacher === undefined ? "not said" : `"${term.teacher}"`}: expected one of [${names.join(", ")}]`,
  );
}

function featuresOf(teacher: TeacherSpec): NonNullable<Features> {
  if ("labels" in teacher) return {};
  const made = "train" in teacher || "student" in teacher;
  return (made ? teacher.features : teacher.model.features) ?? {};
}

function layoutOf(
  name: string,
  feature: NonNullable<Features>[string],
  users: readonly Wanted[],
  teacher: TeacherSpec,
  { student, labels }: Planned,
  data: { readonly inputShape: readonly number[]; readonly classes: number },
): FeatureLayout {
  const [{ term: first }] = users as [Wanted];
  if ("crossFit" in teacher && teacher.crossFit !== undefined) {
    throw refused(
      first,
      `teacher "${teacher.name}" is cross-fitted, and the insides of its ${teacher.crossFit} models have nothing in common: expected a teacher without crossFit`,
    );
  }
  const of = sourceOf(feature);
  const given = shapeGiven(name, feature, first, teacher, data);
  const declared = typeof feature === "string" ? undefined : feature.pool;
  if (declared === "mean") {
    const map = asMap(given);
    if (!map) throw refused(first, `its pool is mean, and "${name}" is no map: it has the shape [${given}]`);
    return inForm({ name, of, pool: "mean", shape: [map[2]] }, users, student, labels);
  }
  let shape = given;
  let pool = 1;
  if (declared !== undefined) {
    const map = asMap(given);
    if (!map || map[0] % declared !== 0 || (map[1] !== 1 && map[1] % declared !== 0)) {
      throw refused(first, `its pool is ${declared}, and the shape [${given}] is no map of multiples of it`);
    }
    shape = sameRank(given, pooledShape(map, declared));
    pool = declared;
  }
  const factor = users.map((user) => poolingOf(user, shape, name)).reduce(greatestCommonDivisor);
  const map = asMap(shape);
  if (map && factor > 1) shape = sameRank(shape, pooledShape(map, factor));
  return inForm(
    { name, of, pool: pool * factor > 1 ? pool * factor : null, shape: [...shape] },
    users,
    student,
    labels,
  );
}

/** How far the teacher's map can be averaged for a term, before it is sent; and that both fit each other at all. */
function poolingOf({ term, studentShape }: Wanted, shape: readonly number[], name: string): number {
  const [ours, theirs] = [asMap(studentShape), asMap(shape)];
  switch (term.kind) {
    case "rkd":
    case "similarity-preserving":
    case "crd":
      return 1;
    case "fitnets":
    case "vid":
      // A vector is compared with the mean over the student's map.
      if (!theirs) return 1;
      break;
    case "attention-transfer":
    case "nst":
      break;
  }
  if (ours && theirs) {
    const factor = poolingTo(theirs, ours);
    if (factor !== undefined) return factor;
    if (poolingTo(ours, theirs) !== undefined) return 1;
    throw refused(
      term,
      `the map of layer "${term.layer}" is [${studentShape}] and that of feature "${name}" [${shape}]: expected sizes of which one is a multiple of the other, the same in height and width`,
    );
  }
  const wrong = ours ? `feature "${name}" is [${shape}]` : `layer "${term.layer}" is [${studentShape}]`;
  const fix = ours ? "expected a map" : "expected a layer that gives a map, or pool: mean for the feature";
  throw refused(term, `${wrong}, which is no map: ${fix}`);
}

/** The smallest form that every term can learn from. */
function inForm(
  of: Omit<FeatureLayout, "form">,
  users: readonly Wanted[],
  student: Planned["student"],
  { chunkSize }: Planned["labels"],
): FeatureLayout {
  const all = (...kinds: FeatureTerm["kind"][]): boolean =>
    users.every(({ term }) => kinds.includes(term.kind));
  const as = (form: FeatureLayout["form"], shape: number[]): FeatureLayout => ({ ...of, form, shape });
  const map = asMap(of.shape);
  // Where a term averages further, it needs the map itself: averages of squares are no squares of averages.
  const small = ({ studentShape }: Wanted): boolean => (asMap(studentShape)?.[0] ?? 0) >= (map?.[0] ?? 0);
  if (map && all("attention-transfer") && users.every(small)) return as("attention", [map[0], map[1]]);
  const numbers = of.shape.reduce((product, n) => product * n, 1);
  // Products are known within a chunk alone, and are stored in twice the bytes.
  const within = student.shuffle === "windows" && 2 * chunkSize < numbers;
  if (within && all("rkd", "similarity-preserving")) return as("gram", [chunkSize]);
  return as("values", of.shape);
}

function shapeGiven(
  name: string,
  feature: NonNullable<Features>[string],
  term: FeatureTerm,
  teacher: TeacherSpec,
  { inputShape, classes }: { readonly inputShape: readonly number[]; readonly classes: number },
): readonly number[] {
  const of = sourceOf(feature);
  const declared = typeof feature === "string" ? undefined : feature.shape;
  if (!("train" in teacher)) {
    if (declared) return declared;
    throw refused(
      term,
      `the shape of feature "${name}" of teacher "${teacher.name}" is not said: expected { of: ${of}, shape: [...] }, as \`stillhouse inspect\` shows it`,
    );
  }
  const layers = layerShapes(teacher.model, inputShape, classes);
  const shape = layers.get(of);
  if (!shape) {
    throw refused(
      term,
      `teacher "${teacher.name}" has no layer "${of}" for its feature "${name}": it has [${[...layers.keys()].join(", ")}]`,
    );
  }
  if (declared && declared.join() !== shape.join()) {
    throw refused(
      term,
      `the shape of feature "${name}" is given as [${declared}]: the layer's is [${shape}]`,
    );
  }
  return shape;
}

function unknownFeature(term: FeatureTerm, teacher: TeacherSpec): FeatureRefused {
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

function refused(term: FeatureTerm, why: string): FeatureRefused {
  return new FeatureRefused(`Cannot use the term ${term.kind} as ${why}`, {
    fields: { term: term.kind, feature: term.feature, layer: term.layer, teacher: term.teacher },
  });
}

/** A sequence stays one. */
function sameRank(
  before: readonly number[],
  [height, width, channels]: readonly number[],
): readonly number[] {
  return before.length === 2
    ? [height as number, channels as number]
    : [height as number, width as number, channels as number];
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
