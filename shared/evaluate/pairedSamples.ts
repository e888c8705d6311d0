import { pairedP } from "./comparison.ts";
import { mean, meanInterval95 } from "./intervals.ts";
import { checkSameLength } from "./rows.ts";
import type { PairedDifference } from "./taskReportSchema.ts";

/**
 * Two models on the same samples: the mean of their differences, its 95% interval and p, by Student's t over the samples.
 * What McNemar's test is for right and wrong answers, for numbers: it looks at one pair of models on one test set.
 * @param student of each sample, NaN where nothing is known of it
 * @param alone of the same samples, in the same order
 * @returns null where nothing is known of any sample
 */
export function pairedSamples(student: Float32Array, alone: Float32Array): PairedDifference | null {
  checkSameLength(student, alone, "two models on the same samples");
  const differences = Array.from(student, (value, i) => value - (alone[i] as number)).filter(
    (difference) => !Number.isNaN(difference),
  );
  if (differences.length === 0) return null;
  const interval = meanInterval95(differences);
  return {
    samples: differences.length,
    mean: mean(differences),
    interval95: interval && [interval[0], interval[1]],
    p: pairedP(differences),
  };
}
