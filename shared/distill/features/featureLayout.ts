import { type Features, sourceOf } from "../../config/modelFileSpec.ts";
import type { TeacherSpec } from "../../config/teacherSpec.ts";
import { layerShapes } from "../../model/layerShapes.ts";
import type { FeatureLayout } from "../../protocol/features.ts";
import { asMap, pooledShape, poolingTo } from "./mapShapes.ts";
import {
  type DataShape,
  type FeatureSpecs,
  type FeatureTerm,
  refused,
  type WantedFeature,
} from "./wantedFeature.ts";

type Feature = NonNullable<Features>[string];

/**
 * How a feature stands in a teacher's labels, so that all terms which use it can be computed from what is smallest.
 * @throws FeatureRefused where the teacher does not give it, or it does not fit a student's layer
 */
export function layoutOf(
  name: string,
  feature: Feature,
  users: readonly WantedFeature[],
  teacher: TeacherSpec,
  labels: FeatureSpecs["labels"],
  data: DataShape,
): FeatureLayout {
  const [{ term: first }] = users as [WantedFeature];
  if ("crossFit" in teacher && teacher.crossFit !== undefined) {
    throw refused(
      first,
      `teacher "${teacher.name}" is cross-fitted, and the insides of its ${teacher.crossFit} models have nothing in common: expected a teacher without crossFit`,
    );
  }
  const of = sourceOf(feature);
  refuseShortened(users, data);
  const given = shapeGiven(name, feature, first, teacher, data);
  const declared = typeof feature === "string" ? undefined : feature.pool;
  const tensor = { name, of, tensor: [...given], order: orderOf(feature, teacher) };
  if (declared === "mean") {
    const map = asMap(given);
    if (!map) throw refused(first, `its pool is mean, and "${name}" is no map: it has the shape [${given}]`);
    return inForm({ ...tensor, pool: "mean", shape: [map[2]] }, users, labels);
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
    { ...tensor, pool: pool * factor > 1 ? pool * factor : null, shape: [...shape] },
    users,
    labels,
  );
}

/** Of a map in the model: what is trained here has channels last, and ONNX's convolutions have them first. */
function orderOf(feature: Feature, teacher: TeacherSpec): FeatureLayout["order"] {
  const said = typeof feature === "string" ? undefined : feature.layout;
  const onnx = "model" in teacher && "format" in teacher.model && teacher.model.format === "onnx";
  return said ?? (onnx ? "nchw" : "nhwc");
}

/** A batch of shorter rows has another place at each of a sequence's than the teacher, who saw whole rows. */
function refuseShortened(users: readonly WantedFeature[], { inputShape: [length] }: DataShape): void {
  const along = users.find(
    ({ student: { train, model }, studentShape }) =>
      train.lengthBuckets !== undefined &&
      model.arch === "transformer" &&
      studentShape.length === 2 &&
      studentShape[0] === length,
  );
  if (!along) return;
  throw refused(
    along.term,
    `layer "${along.term.layer}" gives one row a token, and student.train.lengthBuckets makes batches of fewer: expected the layers pool or logits, or no lengthBuckets`,
  );
}

/** How far the teacher's map can be averaged for a term, before it is sent; and that both fit each other at all. */
function poolingOf({ term, studentShape }: WantedFeature, shape: readonly number[], name: string): number {
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
  users: readonly WantedFeature[],
  { chunkSize }: FeatureSpecs["labels"],
): FeatureLayout {
  const all = (...kinds: FeatureTerm["kind"][]): boolean =>
    users.every(({ term }) => kinds.includes(term.kind));
  const as = (form: FeatureLayout["form"], shape: number[]): FeatureLayout => ({ ...of, form, shape });
  const map = asMap(of.shape);
  // Where a term averages further, it needs the map itself: averages of squares are no squares of averages.
  const small = ({ studentShape }: WantedFeature): boolean =>
    (asMap(studentShape)?.[0] ?? 0) >= (map?.[0] ?? 0);
  if (map && all("attention-transfer") && users.every(small)) return as("attention", [map[0], map[1]]);
  const numbers = of.shape.reduce((product, n) => product * n, 1);
  // Products are known within a chunk alone, and are stored in twice the bytes.
  const windows = users.every(({ student }) => student.shuffle === "windows");
  const within = windows && 2 * chunkSize < numbers;
  if (within && all("rkd", "similarity-preserving")) return as("gram", [chunkSize]);
  return as("values", of.shape);
}

function shapeGiven(
  name: string,
  feature: Feature,
  term: FeatureTerm,
  teacher: TeacherSpec,
  { inputShape, classes }: DataShape,
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
