import type { Disagreement } from "./reportSchema.ts";
import { checkFinite } from "./rows.ts";
import { logSoftmax } from "./softmax.ts";

/** Whether a teacher, by its place, said something of a row. */
export type Said = (teacher: number, row: number) => boolean;

/**
 * How much teachers contradict each other: the Jensen-Shannon divergence of their distributions,
 *
 *   JS = H(mean_k p_k) - mean_k H(p_k)
 *
 * which is what a student gains of uncertainty by listening to their mean: 0 where all say the same, log K at most. Of
 * a row that some said nothing of, it is that of the others; rows of fewer than two are left out.
 *
 * @param teachers logits of each, [rows, classes], row-major
 * @param labels [rows]; below 0: not known, counted in the mean alone
 * @param said absent: everybody of every row
 * @throws MetricInputError for a logit that is not finite
 */
export function disagreement(
  teachers: readonly Float32Array[],
  labels: Int32Array,
  classes: number,
  said?: Said,
): Pick<Disagreement, "mean" | "perClass"> {
  const sums = new Float64Array(classes);
  const counts = new Float64Array(classes);
  let [total, rows] = [0, 0];
  divergences(teachers, labels.length, classes, said).forEach((found, row) => {
    if (Number.isNaN(found)) return;
    total += found;
    rows++;
    const label = labels[row] as number;
    if (label < 0) return;
    sums[label] = (sums[label] as number) + found;
    counts[label] = (counts[label] as number) + 1;
  });
  return {
    mean: rows > 0 ? total / rows : 0,
    perClass: Array.from(counts, (count, c) => (count === 0 ? null : (sums[c] as number) / count)),
  };
}

/** The same on average over the rows of a block, whatever their classes. */
export function blockDisagreement(
  teachers: readonly Float32Array[],
  rows: number,
  classes: number,
  said?: Said,
): Disagreement["overTime"][number] {
  const found = divergences(teachers, rows, classes, said).filter((one) => !Number.isNaN(one));
  const sum = found.reduce((total, one) => total + one, 0);
  return { samples: found.length, mean: found.length > 0 ? sum / found.length : null };
}

/** Of each row; NaN where fewer than two teachers said something. */
function divergences(
  teachers: readonly Float32Array[],
  rows: number,
  classes: number,
  said: Said = () => true,
): Float64Array {
  for (const logits of teachers) checkFinite(logits, classes);
  const logs = teachers.map((logits) => logSoftmax(logits, classes));
  return Float64Array.from({ length: rows }, (_, row) => {
    const heard = logs.filter((_, teacher) => said(teacher, row));
    return heard.length < 2 ? Number.NaN : divergence(heard, row * classes, classes);
  });
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
