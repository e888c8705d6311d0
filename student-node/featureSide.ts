import type * as tf from "@tensorflow/tfjs";
import type {
  LearntWeight,
  ObjectiveMemory,
  StudentInside,
  TargetType,
  TargetValues,
} from "../shared/compute/objective.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import type { FeatureView, RememberedRole } from "../shared/distill/features/featureView.ts";
import { learntNameOf, learntWeights } from "../shared/distill/features/learntWeights.ts";
import { negativesOf } from "../shared/distill/features/negatives.ts";
import type { FeaturePlan, FeatureUse } from "../shared/distill/features/planFeatures.ts";
import type { Seed } from "../shared/model/seed.ts";
import { ContrastiveMemory, memoryOfTerms } from "./contrastiveMemory.ts";
import {
  distinctSources,
  type FeatureLabels,
  gatherSource,
  sourceTargets,
  teacherFeature,
} from "./featureTargets.ts";

type Targets = Readonly<Record<string, tf.Tensor>>;

/** What an objective needs for the terms that look inside teachers and student. */
export interface FeatureSide {
  readonly taps: readonly string[];
  readonly learnt: readonly LearntWeight[];
  readonly targets: Readonly<Record<string, TargetType>>;
  readonly emits: Readonly<Record<string, readonly number[]>>;
  readonly memory: ObjectiveMemory | undefined;
  /** @param labels of what the student sees in the step */
  gather(ids: Uint32Array, step: number, labels: FeatureLabels): Readonly<Record<string, TargetValues>>;
  /** What the term at a place sees. */
  view(place: number, targets: Targets, student: StudentInside): FeatureView;
}

/** @param seed of the training */
export function featureSide(
  { uses, layouts }: FeaturePlan,
  dataset: Dataset,
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
    learnt: uses.flatMap((use) => learntWeights(use, seed)),
    targets,
    emits: Object.fromEntries(
      contrasts.flatMap(({ place, term }) =>
        (["student", "teacher"] as const).map((side) => [emittedName(place, side), [dimensionOf(term)]]),
      ),
    ),
    memory: memoryOfTerms(contrasts, emittedName),
    gather: (ids, step, labels) => ({
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

const rememberedName = (place: number, role: RememberedRole): string => `memory-${place}-${role}`;
const emittedName = (place: number, side: "student" | "teacher"): string => `embedding-${place}-${side}`;

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
