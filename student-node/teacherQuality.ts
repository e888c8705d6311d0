import { type Dataset, shardOf } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import { placeOf } from "../shared/data/samplePlace.ts";
import type { KnownClasses } from "../shared/distill/ensembles/known.ts";
import { type LabelledBlock, labelQuality } from "../shared/evaluate/labelQuality.ts";
import type { LabelQuality } from "../shared/evaluate/reportSchema.ts";
import { idsOfTeacher } from "./presentTargets.ts";
import { logitsByBlocks, type ReadableLabels } from "./teacherLogits.ts";

/** Enough for a mean to three digits; more would only be read from disk. */
const MAX_SAMPLES = 65_536;
const NUMBERS_AT_ONCE = 2 ** 22;

/**
 * The quality of each teacher's labels on those samples of a split that it has labelled, over evenly spaced samples of it where it is large.
 * @returns one a teacher, in the order of the spec
 */
export async function teacherQuality(
  labels: ReadableLabels,
  dataset: Dataset,
  teachers: number,
  split: Uint32Array,
  known?: readonly KnownClasses[],
): Promise<LabelQuality[]> {
  const ids = asLabelled(dataset, evenlySpaced(split, MAX_SAMPLES));
  const qualities: LabelQuality[] = [];
  for (let teacher = 0; teacher < teachers; teacher++) {
    const own = idsOfTeacher(labels, dataset, teacher, ids, known?.[teacher]);
    qualities.push(await labelQuality(blocksOf(labels, dataset, teacher, own), dataset.classes));
  }
  return qualities;
}

/** In the order of their labels, so that those that are read again are read once. */
function asLabelled(dataset: Dataset, ids: Uint32Array): Uint32Array {
  return ids.toSorted((a, b) => shardOf(a) - shardOf(b) || placeOf(dataset, a) - placeOf(dataset, b));
}

async function* blocksOf(
  labels: ReadableLabels,
  dataset: Dataset,
  teacher: number,
  ids: Uint32Array,
): AsyncGenerator<LabelledBlock> {
  const rows = Math.max(1, Math.floor(NUMBERS_AT_ONCE / dataset.classes));
  for (let from = 0; from < ids.length; from += rows) {
    const block = ids.subarray(from, from + rows);
    yield {
      logits: await logitsByBlocks(labels, dataset, teacher, block),
      labels: gatherLabels(dataset, block),
    };
  }
}

/** At most so many ids, at equal distances. */
export function evenlySpaced(ids: Uint32Array, most: number): Uint32Array {
  if (ids.length <= most) return ids;
  return Uint32Array.from({ length: most }, (_, i) => ids[Math.floor((i * ids.length) / most)] as number);
}
