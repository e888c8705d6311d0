import type { Dataset } from "../shared/data/dataset.ts";
import { targetScale } from "../shared/data/targetScale.ts";
import { gatherValues } from "../shared/data/targets.ts";
import { StillhouseError } from "../shared/errors.ts";
import { HALF_MAX } from "../shared/labels/half.ts";
import type { StoredEncoding } from "../shared/protocol/storedEncoding.ts";

/** Labels that an encoding would round so much that a student would learn the rounding. */
export class CoarseLabels extends StillhouseError {}

/** Of an output's deviation: the largest error of rounding that is no matter. */
const LARGEST_ERROR = 0.01;

/**
 * Refuses half precision for numbers of a regression that it cannot tell apart: beyond its largest, or so far from 0
 * compared with their deviation that its 11 bits go into what they have in common.
 * @throws CoarseLabels naming the output, its largest target and its deviation
 */
export function requireFineLabels({ targets, classes, splits }: Dataset, encoding: StoredEncoding): void {
  if (targets?.task !== "regression" || encoding !== "half") return;
  const values = gatherValues(targets, classes, splits.train);
  for (let output = 0; output < classes; output++) {
    const known = values.filter((value, i) => i % classes === output && !Number.isNaN(value));
    // Of what nobody knows there is nothing to compare with.
    if (known.length === 0) continue;
    const [spread = 1] = targetScale(known, 1).deviation;
    const largest = known.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const error = largest > HALF_MAX ? Number.POSITIVE_INFINITY : roundingError(largest);
    if (error <= LARGEST_ERROR * spread) continue;
    throw new CoarseLabels(
      `Cannot store labels in half precision as output ${output} has targets up to ${largest} with a deviation of ${spread.toPrecision(3)}: they would be rounded by up to ${error.toPrecision(2)}, and ${100 * LARGEST_ERROR}% of the deviation is allowed; set labels.encoding: float32, or shift and scale the targets`,
      { fields: { output, largest, deviation: spread, error } },
    );
  }
}

/** Half of the distance between neighbours of a number with 11 significant bits. */
function roundingError(value: number): number {
  return value === 0 ? 0 : 2 ** (Math.floor(Math.log2(value)) - 11);
}
