import { type Dataset, rowOf, shardOf } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import { dispatchedTrainIds } from "../shared/data/order.ts";
import type { KnownClasses } from "../shared/distill/ensembles/known.ts";
import { columnsOf } from "../shared/evaluate/columnsOf.ts";
import { blockDisagreement, disagreement, type Said } from "../shared/evaluate/disagreement.ts";
import type { Disagreement } from "../shared/evaluate/reportSchema.ts";
import { hasLabels } from "./presentTargets.ts";
import { logitsOfTeachers, type ReadableLabels } from "./teacherLogits.ts";
import { evenlySpaced } from "./teacherQuality.ts";

/** Of validation that all teachers are compared on at once. */
const VALIDATION_SAMPLES = 8_192;
/** Of the training split, in the order in which it was labelled. */
const MOST_BLOCKS = 20;
const BLOCK_SAMPLES = 1_024;
/** Of fewer samples a mean says little. */
const FEWEST_IN_BLOCK = 32;

/**
 * How much the teachers of a run contradict each other: by class, on validation, and over time, which is along the order
 * of dispatch. Null for a single one.
 */
export async function teacherDisagreement(
  teachers: number,
  dataset: Dataset,
  chunkSize: number,
  labels: ReadableLabels,
  known?: readonly KnownClasses[],
): Promise<Disagreement | null> {
  const { classes, splits } = dataset;
  // What some do not know they cannot disagree on: looked at are the classes that all know, among themselves.
  const shared = Array.from({ length: classes }, (_, c) => c).filter(
    (c) => known?.every((of) => !of || of.includes(c)) ?? true,
  );
  if (teachers < 2 || shared.length < 2) return null;
  const logitsOf = async (ids: Uint32Array): Promise<Float32Array[]> => {
    const all = await logitsOfTeachers(labels, dataset, teachers, ids);
    return shared.length === classes ? all : all.map((logits) => columnsOf(logits, classes, shared));
  };
  const saidOf =
    (ids: Uint32Array): Said =>
    (teacher, row) =>
      hasLabels(labels, dataset, teacher, ids[row] as number);
  const judged = (of: Uint32Array): Uint32Array =>
    known ? of.filter((id) => shared.includes(dataset.labels[shardOf(id)]?.[rowOf(id)] ?? -1)) : of;
  const ids = judged(evenlySpaced(splits.validation, VALIDATION_SAMPLES));
  const places = gatherLabels(dataset, ids).map((label) => (label < 0 ? -1 : shared.indexOf(label)));
  const found = disagreement(await logitsOf(ids), places, shared.length, saidOf(ids));
  const overTime: Disagreement["overTime"] = [];
  for (const block of blocksOf(dispatchedTrainIds(dataset, chunkSize))) {
    const looked = judged(evenlySpaced(block, BLOCK_SAMPLES));
    overTime.push(blockDisagreement(await logitsOf(looked), looked.length, shared.length, saidOf(looked)));
  }
  return {
    mean: found.mean,
    perClass: Array.from({ length: classes }, (_, c) => found.perClass[shared.indexOf(c)] ?? null),
    overTime,
  };
}

/** Equal pieces, in order. */
function blocksOf(ids: Uint32Array): Uint32Array[] {
  const count = Math.max(1, Math.min(MOST_BLOCKS, Math.floor(ids.length / FEWEST_IN_BLOCK)));
  const start = (block: number): number => Math.floor((block * ids.length) / count);
  return Array.from({ length: count }, (_, block) => ids.subarray(start(block), start(block + 1)));
}
