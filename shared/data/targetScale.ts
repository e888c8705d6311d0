import { DataError } from "./errors.ts";
import type { Targets } from "./targets.ts";

/**
 * Mean and population deviation of each output over the known numbers, one pass for each in float64.
 * @param values [rows, outputs], NaN where a number is not known
 * @throws DataError for an output that is nowhere known
 */
export function targetScale(values: Float32Array, outputs: number): Targets["scale"] {
  const over = (output: number, of: (value: number) => number): { sum: number; count: number } => {
    let [sum, count] = [0, 0];
    for (let i = output; i < values.length; i += outputs) {
      const value = values[i] as number;
      if (Number.isNaN(value)) continue;
      sum += of(value);
      count++;
    }
    return { sum, count };
  };
  const every = Array.from({ length: outputs }, (_, output) => output);
  const mean = every.map((output) => {
    const { sum, count } = over(output, (value) => value);
    if (count > 0) return sum / count;
    throw new DataError(
      `Cannot standardise output ${output} as none of its targets in the training split is known; leave it out, set data.standardise: false, or raise data.labelled`,
      { fields: { output } },
    );
  });
  const deviation = every.map((output) => {
    const { sum, count } = over(output, (value) => (value - (mean[output] as number)) ** 2);
    // An output that never changes has nothing to be divided by.
    return Math.sqrt(sum / count) || 1;
  });
  return { mean, deviation };
}

/** Numbers as they are. */
export function plainScale(outputs: number): Targets["scale"] {
  return { mean: new Array<number>(outputs).fill(0), deviation: new Array<number>(outputs).fill(1) };
}
