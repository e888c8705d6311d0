import { MetricInputError } from "./errors.ts";

/**
 * log softmax of every row, in float64: z - max - log sum exp(z - max). Log-probabilities pass through unchanged up
 * to rounding, so it takes logits and log-probabilities alike; -Infinity is a probability of 0.
 *
 * @param logits [rows, classes], row-major
 * @returns [rows, classes]
 * @throws MetricInputError for NaN, +Infinity, or a row without a finite value
 */
export function logSoftmax(logits: Float32Array, classes: number): Float64Array {
  const out = new Float64Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const row = logits.subarray(start, start + classes);
    const max = row.reduce((a, b) => Math.max(a, b), -Infinity);
    let sum = 0;
    for (const z of row) sum += Math.exp(z - max);
    const logSum = max + Math.log(sum);
    if (!Number.isFinite(logSum)) {
      throw new MetricInputError(
        `Cannot evaluate row ${start / classes} as its logits must be numbers with a finite maximum: it holds ${[...row].slice(0, 16).join(", ")}.`,
        { fields: { row: start / classes } },
      );
    }
    row.forEach((z, c) => {
      out[start + c] = z - logSum;
    });
  }
  return out;
}

/** The class of the largest value of each row; the lowest class among equals. [rows, classes] -> [rows] */
export function topClasses(values: Float32Array | Float64Array, classes: number): Int32Array {
  const top = new Int32Array(values.length / classes);
  for (let row = 0; row < top.length; row++) {
    let best = -Infinity;
    for (let c = 0; c < classes; c++) {
      const value = values[row * classes + c] ?? Number.NaN;
      if (value > best) {
        best = value;
        top[row] = c;
      }
    }
  }
  return top;
}
