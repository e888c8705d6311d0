import type { Dataset } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import type { KnownClasses } from "../shared/distill/ensembles/known.ts";
import { type LabelledBlock, labelQuality } from "../shared/evaluate/labelQuality.ts";
import type { LabelQuality } from "../shared/evaluate/reportSchema.ts";
import type { LabelStoreReader } from "../shared/labels/labelStoreReader.ts";
import { idsOfTeacher } from "./presentTargets.ts";
import { teacherLogits } from "./teacherLogits.ts";

/** Enough for a mean to three digits; more would only be read from disk. */
const MAX_SAMPLES = 65_536;
const NUMBERS_AT_ONCE = 2 ** 22;

/**
 * The quality of each teacher's labels on those samples of a split that it has labelled, over evenly spaced samples of it where it is large.
 * @returns one a teacher, in the order of the spec
 */
export function teacherQuality(
  labels: LabelStoreReader,
  dataset: Dataset,
  teachers: number,
  split: Uint32Array,
  known?: readonly KnownClasses[],
): LabelQuality[] {
  const ids = evenlySpaced(split, MAX_SAMPLES);
  return Array.from({ length: teachers }, (_, teacher) =>
    labelQuality(
      blocksOf(labels, dataset, teacher, idsOfTeacher(labels, dataset, teacher, ids, known?.[teacher])),
      dataset.classes,
    ),
  );
}

function* blocksOf(
  labels: LabelStoreReader,
  dataset: Dataset,
  teacher: number,
  ids: Uint32Array,
): Generator<LabelledBlock> {
  const rows = Math.max(1, Math.floor(NUMBERS_AT_ONCE / dataset.classes));
  for (let from = 0; from < ids.length; from += rows) {
    const block = ids.subarray(from, from + rows);
    yield {
      logits: teacherLogits(labels, dataset, teacher, block),
      labels: gatherLabels(dataset, block),
    };
  }
}

/** At most so many ids, at equal distances. */
export function evenlySpaced(ids: Uint32Array, most: number): Uint32Array {
  if (ids.length <= most) return ids;
  return Uint32Array.from({ length: most }, (_, i) => ids[Math.floor((i * ids.length) / most)] as number);
}
