/**
 * Negative log-likelihood: mean over rows of -log q_y, in nats a sample.
 * @param logQ log-probabilities, [rows, classes]
 */
export function negativeLogLikelihood(logQ: Float64Array, labels: Int32Array, classes: number): number {
  let sum = 0;
  labels.forEach((label, row) => {
    sum -= logQ[row * classes + label] ?? Number.NaN;
  });
  return sum / labels.length;
}

/**
 * Brier score: mean over rows of sum_c (q_c - [c = y])^2, from 0 (best) to 2.
 * Mistake to avoid: averaging over classes too, which divides it by their number.
 * @param logQ log-probabilities, [rows, classes]
 */
export function brierScore(logQ: Float64Array, labels: Int32Array, classes: number): number {
  let sum = 0;
  logQ.forEach((value, i) => {
    const target = labels[Math.floor(i / classes)] === i % classes ? 1 : 0;
    sum += (Math.exp(value) - target) ** 2;
  });
  return sum / labels.length;
}
