import type * as tf from "@tensorflow/tfjs";
import type { TargetType, TargetValues } from "../shared/compute/objective.ts";
import { type Dataset, shardOf } from "../shared/data/dataset.ts";
import { placeOf } from "../shared/data/samplePlace.ts";
import { standardised } from "../shared/data/targets.ts";
import type { TeacherFeature } from "../shared/distill/features/featureView.ts";
import type { FeaturePlan, FeatureUse } from "../shared/distill/features/planFeatures.ts";
import { sizeOfFeature } from "../shared/labels/rowLayout.ts";
import type { ViewLabels } from "../shared/labels/viewLabels.ts";
import type { FeatureLayout } from "../shared/protocol/features.ts";
import { teacherLogits } from "./teacherLogits.ts";

/** What reads labels with features. */
export type FeatureLabels = Pick<ViewLabels, "read" | "readFeature">;

/** Something of a teacher that one term or several learn from. */
export interface Source {
  readonly teacher: number;
  readonly of: FeatureLayout | "logits";
  /** Its place among the teacher's features. */
  readonly index: number;
}

export function distinctSources(uses: readonly FeatureUse[], layouts: FeaturePlan["layouts"]): Source[] {
  const sources = new Map<string, Source>();
  for (const { teacher, source } of uses) {
    const index =
      source === "logits" ? -1 : (layouts[teacher] ?? []).findIndex(({ name }) => name === source.name);
    sources.set(sourceName({ teacher, of: source }), { teacher, of: source, index });
  }
  return [...sources.values()];
}

function sourceName({ teacher, of }: Pick<Source, "teacher" | "of">): string {
  return of === "logits" ? `logits-${teacher}` : `feature-${teacher}-${of.name}`;
}
const knownName = (source: Pick<Source, "teacher" | "of">): string => `${sourceName(source)}-known`;
export function sourceTargets(source: Source, classes: number): Record<string, TargetType> {
  const { of } = source;
  const float = { dtype: "float32" } as const;
  if (of === "logits") return { [sourceName(source)]: { ...float, shape: [classes] } };
  if (of.form !== "gram") return { [sourceName(source)]: { ...float, shape: of.shape } };
  return {
    [sourceName(source)]: { ...float, shape: [], per: "pair" },
    [knownName(source)]: { ...float, shape: [], per: "pair" },
  };
}

export function gatherSource(
  source: Source,
  dataset: Dataset,
  labels: FeatureLabels,
  chunkSize: number,
  ids: Uint32Array,
): Record<string, TargetValues> {
  const { teacher, of, index } = source;
  if (of === "logits") {
    const said = teacherLogits(labels, dataset, teacher, ids);
    // As the student gives them: a regression learns standardised numbers.
    return { [sourceName(source)]: dataset.targets ? standardised(dataset.targets, said) : said };
  }
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

function placesOf(dataset: Dataset, ids: Uint32Array): { shard: number; place: number }[] {
  return Array.from(ids, (id) => ({ shard: shardOf(id), place: placeOf(dataset, id) }));
}

export function teacherFeature(
  { teacher, source }: FeatureUse,
  targets: Readonly<Record<string, tf.Tensor>>,
): TeacherFeature {
  const of = { teacher, of: source };
  const tensor = targets[sourceName(of)] as tf.Tensor;
  if (source === "logits" || source.form !== "gram") {
    return { form: source === "logits" ? "values" : source.form, tensor };
  }
  return { form: "gram", tensor, known: targets[knownName(of)] as tf.Tensor2D };
}
