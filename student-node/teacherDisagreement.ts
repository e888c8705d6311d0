import type { Dataset } from "../shared/data/dataset.ts";
import { gatherLabels } from "../shared/data/gather.ts";
import { dispatchedTrainIds } from "../shared/data/order.ts";
import { blockDisagreement, disagreement, type Said } from "../shared/evaluate/disagreement.ts";
import type { Disagreement } from "../shared/evaluate/reportSchema.ts";
import type { LabelStoreReader } from "../shared/labels/labelStore.ts";
import { hasLabels } from "./presentTargets.ts";
import { teacherLogits } from "./teacherLogits.ts";
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
export function teacherDisagreement(
  teachers: number,
  dataset: Dataset,
  chunkSize: number,
  labels: Pick<LabelStoreReader, "read" | "has">,
): Disagreement | null {
  if (teachers < 2) return null;
  const { classes, splits } = dataset;
  const logitsOf = (ids: Uint32Array): Float32Array[] =>
    Array.from({ length: teachers }, (_, k) => teacherLogits(labels, dataset, k, ids));
  const saidOf =
    (ids: Uint32Array): Said =>
    (teacher, row) =>
      hasLabels(labels, dataset, teacher, ids[row] as number);
  const ids = evenlySpaced(splits.validation, VALIDATION_SAMPLES);
  const blocks = blocksOf(dispatchedTrainIds(dataset, chunkSize));
  return {
    ...disagreement(logitsOf(ids), gatherLabels(dataset, ids), classes, saidOf(ids)),
    overTime: blocks.map((block) => {
      const looked = evenlySpaced(block, BLOCK_SAMPLES);
      return blockDisagreement(logitsOf(looked), looked.length, classes, saidOf(looked));
    }),
  };
}

/** Equal pieces, in order. */
function blocksOf(ids: Uint32Array): Uint32Array[] {
  const count = Math.max(1, Math.min(MOST_BLOCKS, Math.floor(ids.length / FEWEST_IN_BLOCK)));
  const start = (block: number): number => Math.floor((block * ids.length) / count);
  return Array.from({ length: count }, (_, block) => ids.subarray(start(block), start(block + 1)));
}
