import { checkSameLength } from "./rows.ts";

/** Samples that exactly one of two models gets right. */
export interface Discordant {
  /** The student is right, the student alone is wrong. */
  readonly n10: number;
  /** The student is wrong, the student alone is right. */
  readonly n01: number;
}

/** Counts them from both models' `correctness` on the same samples in the same order. */
export function discordantPairs(student: Uint8Array, baseline: Uint8Array): Discordant {
  checkSameLength(student, baseline, "two models on the same samples");
  let [n10, n01] = [0, 0];
  student.forEach((right, i) => {
    if (right > (baseline[i] ?? 0)) n10++;
    if (right < (baseline[i] ?? 0)) n01++;
  });
  return { n10, n01 };
}

export interface McNemar extends Discordant {
  /** (|n10 - n01| - 1)^2 / (n10 + n01), with one degree of freedom; 3.84 is the 5% point. */
  readonly chi2: number;
  /** Two-sided p of the binomial test of n10 against n01. */
  readonly exact: number;
  /** The same with half the weight of the observed count, less conservative. */
  readonly midP: number;
}

/** McNemar's test (1947) that two models err equally often, on one test set. */
export function mcnemar({ n10, n01 }: Discordant): McNemar {
  const n = n10 + n01;
  const least = Math.min(n10, n01);
  const chi2 = n === 0 ? 0 : Math.max(0, Math.abs(n10 - n01) - 1) ** 2 / n;
  let below = 0;
  let last = 0;
  let logChoose = 0;
  for (let k = 0; k <= least; k++) {
    if (k > 0) logChoose += Math.log((n - k + 1) / k);
    last = Math.exp(logChoose - n * Math.LN2);
    below += last;
  }
  return { n10, n01, chi2, exact: Math.min(1, 2 * below), midP: Math.min(1, 2 * below - last) };
}
