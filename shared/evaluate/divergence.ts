import { checkSameLength } from "./rows.ts";

/**
 * KL divergence of the model from the reference at temperature 1: mean over rows of sum_c p (log p - log q), in nats
 * a sample. A class of reference probability 0 adds nothing.
 *
 * @param logP log-probabilities of the reference, [rows, classes]
 * @param logQ log-probabilities of the model, [rows, classes]
 */
export function meanKl(logP: Float64Array, logQ: Float64Array, classes: number): number {
  checkSameLength(logP, logQ, "two models' log-probabilities");
  let sum = 0;
  logP.forEach((lp, i) => {
    const p = Math.exp(lp);
    if (p > 0) sum += p * (lp - (logQ[i] ?? Number.NaN));
  });
  return sum / (logP.length / classes);
}
