import type * as tf from "@tensorflow/tfjs";
import type {
  LearntWeight,
  ObjectiveMemory,
  StudentInside,
  TargetType,
  TargetValues,
} from "../shared/compute/objective.ts";
import { inversePermutation } from "../shared/data/chunks.ts";
import { type Dataset, rowOf, type Shard, shardOf } from "../shared/data/dataset.ts";
import type { FeatureView, RememberedRole, TeacherFeature } from "../shared/distill/features/featureView.ts";
import { learntNameOf, learntWeights } from "../shared/distill/features/learntWeights.ts";
import { negativesOf } from "../shared/distill/features/negatives.ts";
import type { FeaturePlan, FeatureUse } from "../shared/distill/features/planFeatures.ts";
import { initialLogScale } from "../shared/distill/losses/vid.ts";
import type { LabelStoreReader } from "../shared/labels/labelStore.ts";
import { sizeOfFeature } from "../shared/labels/rowLayout.ts";
import type { Seed } from "../shared/model/seed.ts";
import type { FeatureLayout } from "../shared/protocol/features.ts";
import { ContrastiveMemory, memoryOfTerms } from "./contrastiveMemory.ts";
import { teacherLogits } from "./teacherLogits.ts";

type Targets = Readonly<Record<string, tf.Tensor>>;
type Labels = Pick<LabelStoreReader, "read" | "readFeature">;

/** What an objective needs for the terms that look inside teachers and student. */
export interface FeatureSide {
  readonly taps: readonly string[];
  readonly learnt: readonly LearntWeight[];
  readonly targets: Readonly<Record<string, TargetType>>;
  readonly emits: Readonly<Record<string, readonly number[]>>;
  readonly memory: ObjectiveMemory | undefined;
  gather(ids: Uint32Array, step: number): Readonly<Record<string, TargetValues>>;
  /** What the term at a place sees. */
  view(place: number, targets: Targets, student: StudentInside): FeatureView;
}

/** @param seed of the training */
export function featureSide(
  { uses, layouts }: FeaturePlan,
  dataset: Dataset,
  labels: Labels,
  chunkSize: number,
  seed: Seed,
): FeatureSide {
  const sources = distinctSources(uses, layouts);
  const contrasts = uses.flatMap((use) => {
    const memory = contrastOf(use, dataset, seed);
    return memory ? [{ ...use, memory }] : [];
  });
  const targets: Record<string, TargetType> = {};
  for (const source of sources) Object.assign(targets, sourceTargets(source, dataset.classes));
  for (const { place, term } of contrasts) Object.assign(targets, contrastTargets(place, term, dataset));
  return {
    taps: [...new Set(uses.map(({ term }) => term.layer))],
    learnt: uses.flatMap((use) => learntWeights(use, seed, initialLogScale)),
    targets,
    emits: Object.fromEntries(
      contrasts.flatMap(({ place, term }) =>
        (["student", "teacher"] as const).map((side) => [emittedName(place, side), [dimensionOf(term)]]),
      ),
    ),
    memory: memoryOfTerms(contrasts, emittedName),
    gather: (ids, step) => ({
      ...Object.assign({}, ...sources.map((source) => gatherSource(source, dataset, labels, chunkSize, ids))),
      ...Object.assign({}, ...contrasts.map((contrast) => gatherContrast(contrast, ids, step))),
    }),
    view(place, given, student) {
      const use = uses.find((one) => one.place === place) as FeatureUse;
      return {
        student: student.features[use.term.layer] as tf.Tensor,
        teacher: teacherFeature(use, given),
        samples: dataset.splits.train.length,
        learnt: (role) => student.learnt[learntNameOf(use, role)] as tf.Tensor,
        remembered: (role) => given[rememberedName(place, role)] as tf.Tensor,
        remember: (side, embedding) => student.emit(emittedName(place, side), embedding),
      };
    },
  };
}

/** Something of a teacher that one term or several learn from. */
interface Source {
  readonly teacher: number;
  readonly of: FeatureLayout | "logits";
  /** Its place among the teacher's features. */
  readonly index: number;
}

function distinctSources(uses: readonly FeatureUse[], layouts: FeaturePlan["layouts"]): Source[] {
  const sources = new Map<string, Source>();
  for (const { teacher, source } of uses) {
    const index = source === "logits" ? -1 : (layouts[teacher] ?? []).indexOf(source);
    sources.set(sourceName({ teacher, of: source }), { teacher, of: source, index });
  }
  return [...sources.values()];
}

function sourceName({ teacher, of }: Pick<Source, "teacher" | "of">): string {
  return of === "logits" ? `logits-${teacher}` : `feature-${teacher}-${of.name}`;
}
const knownName = (source: Pick<Source, "teacher" | "of">): string => `${sourceName(source)}-known`;
const rememberedName = (place: number, role: RememberedRole): string => `memory-${place}-${role}`;
const emittedName = (place: number, side: "student" | "teacher"): string => `embedding-${place}-${side}`;

function sourceTargets(source: Source, classes: number): Record<string, TargetType> {
  const { of } = source;
  const float = { dtype: "float32" } as const;
  if (of === "logits") return { [sourceName(source)]: { ...float, shape: [classes] } };
  if (of.form !== "gram") return { [sourceName(source)]: { ...float, shape: of.shape } };
  return {
    [sourceName(source)]: { ...float, shape: [], per: "pair" },
    [knownName(source)]: { ...float, shape: [], per: "pair" },
  };
}

function gatherSource(
  source: Source,
  dataset: Dataset,
  labels: Labels,
  chunkSize: number,
  ids: Uint32Array,
): Record<string, TargetValues> {
  const { teacher, of, index } = source;
  if (of === "logits") return { [sourceName(source)]: teacherLogits(labels, dataset, teacher, ids) };
  const size = sizeOfFeature(of);
  const values = new Float32Array(ids.length * size);
  const places = placesOf(dataset, ids);
  places.forEach(({ shard, place }, row) => {
    labels.readFeature(teacher, index, shard, place, values, row);
  });
  if (of.form !== "gram") return { [sourceName(source)]: values };
  return pairsOf(source, values, size, places, chunkSize);
}

/** Of rows of products with a whole chunk, those between samples of the batch; pairs of two chunks are not known. */
function pairsOf(
  source: Source,
  values: Float32Array,
  size: number,
  places: readonly { readonly shard: number; readonly place: number }[],
  chunkSize: number,
): Record<string, TargetValues> {
  const rows = places.length;
  const products = new Float32Array(rows * rows);
  const known = new Float32Array(rows * rows);
  places.forEach((a, i) => {
    places.forEach((b, j) => {
      const chunk = Math.floor(a.place / chunkSize);
      if (a.shard !== b.shard || chunk !== Math.floor(b.place / chunkSize)) return;
      products[i * rows + j] = values[i * size + (b.place - chunk * chunkSize)] as number;
      known[i * rows + j] = 1;
    });
  });
  return { [sourceName(source)]: products, [knownName(source)]: known };
}

function placesOf({ shards }: Dataset, ids: Uint32Array): { shard: number; place: number }[] {
  const inverse = shards.map((shard: Shard) => inversePermutation(shard.hash, shard.rows));
  return Array.from(ids, (id) => {
    const shard = shardOf(id);
    return { shard, place: inverse[shard]?.[rowOf(id)] as number };
  });
}

function teacherFeature({ teacher, source }: FeatureUse, targets: Targets): TeacherFeature {
  const of = { teacher, of: source };
  const tensor = targets[sourceName(of)] as tf.Tensor;
  if (source === "logits" || source.form !== "gram") {
    return { form: source === "logits" ? "values" : source.form, tensor };
  }
  return { form: "gram", tensor, known: targets[knownName(of)] as tf.Tensor2D };
}

type ContrastTerm = Extract<FeatureUse["term"], { kind: "crd" }>;
const dimensionOf = (term: FeatureUse["term"]): number => (term as ContrastTerm).dimension;

function contrastOf(
  { term, place }: FeatureUse,
  { splits }: Dataset,
  seed: Seed,
): ContrastiveMemory | undefined {
  if (term.kind !== "crd") return undefined;
  const { dimension, shared, momentum } = term;
  const negatives = negativesOf(term, splits.train.length);
  return new ContrastiveMemory({
    ids: splits.train,
    dimension,
    negatives,
    shared,
    momentum,
    seed: [...seed, "contrast", place],
  });
}

function contrastTargets(
  place: number,
  term: FeatureUse["term"],
  { splits }: Dataset,
): Record<string, TargetType> {
  const { dimension, shared, ...rest } = term as ContrastTerm;
  const negatives = negativesOf(rest, splits.train.length);
  const own: TargetType = { dtype: "float32", shape: [dimension] };
  const others: TargetType = {
    dtype: "float32",
    shape: [negatives, dimension],
    per: shared ? "batch" : "sample",
  };
  return {
    [rememberedName(place, "own-student")]: own,
    [rememberedName(place, "own-teacher")]: own,
    [rememberedName(place, "other-student")]: others,
    [rememberedName(place, "other-teacher")]: others,
  };
}

function gatherContrast(
  { place, memory }: { place: number; memory: ContrastiveMemory },
  ids: Uint32Array,
  step: number,
): Record<string, TargetValues> {
  const { ownStudent, ownTeacher, otherStudent, otherTeacher } = memory.recall(ids, step);
  return {
    [rememberedName(place, "own-student")]: ownStudent,
    [rememberedName(place, "own-teacher")]: ownTeacher,
    [rememberedName(place, "other-student")]: otherStudent,
    [rememberedName(place, "other-teacher")]: otherTeacher,
  };
}
