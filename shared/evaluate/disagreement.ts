import type { Disagreement } from "./reportSchema.ts";
import { checkFinite } from "./rows.ts";
import { logSoftmax } from "./softmax.ts";

/**
 * How much teachers contradict each other: the Jensen-Shannon divergence of their distributions,
 *
 *   JS = H(mean_k p_k) - mean_k H(p_k)
 *
 * which is what a student gains of uncertainty by listening to their mean: 0 where all say the same, log K at most.
 *
 * @param teachers logits of each, [rows, classes], row-major
 * @param labels [rows]; below 0: not known, counted in the mean alone
 * @throws MetricInputError for a logit that is not finite
 */
export function disagreement(
  teachers: readonly Float32Array[],
  labels: Int32Array,
  classes: number,
): Disagreement {
  for (const logits of teachers) checkFinite(logits, classes);
  const logs = teachers.map((logits) => logSoftmax(logits, classes));
  const sums = new Float64Array(classes);
  const counts = new Float64Array(classes);
  let total = 0;
  labels.forEach((label, row) => {
    const found = divergence(logs, row * classes, classes);
    total += found;
    if (label < 0) return;
    sums[label] = (sums[label] as number) + found;
    counts[label] = (counts[label] as number) + 1;
  });
  return {
    mean: labels.length > 0 ? total / labels.length : 0,
    perClass: Array.from(counts, (count, c) => (count === 0 ? null : (sums[c] as number) / count)),
  };
}

function divergence(logs: readonly Float64Array[], start: number, classes: number): number {
  const plogp = (p: number): number => (p > 0 ? p * Math.log(p) : 0);
  let [mixed, own] = [0, 0];
  for (let c = start; c < start + classes; c++) {
    let mean = 0;
    for (const log of logs) {
      const logP = log[c] as number;
      const p = Math.exp(logP);
      mean += p / logs.length;
      own += plogp(p) / logs.length;
    }
    mixed += plogp(mean);
  }
  // Rounding may leave less than nothing where all agree.
  return Math.max(0, own - mixed);
}
