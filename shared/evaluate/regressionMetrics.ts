import { MetricInputError } from "./errors.ts";
import { checkFinite, checkSameLength, rowCount } from "./rows.ts";
import type { RegressionMetrics } from "./taskReportSchema.ts";

/**
 * Everything that a report says about one model's predictions of numbers, in the data's units. What is not known counts
 * nowhere.
 *
 *   RMSE = sqrt(mean (z - y)^2),   MAE = mean |z - y|,   R^2 = 1 - sum (z - y)^2 / sum (y - mean y)^2
 *
 * The mean of R^2 is over the outputs whose targets differ; over all outputs together RMSE and MAE mix their units.
 *
 * @param values z, [rows, outputs], row-major
 * @param truth y, NaN where it is not known, [rows, outputs]
 * @throws MetricInputError for shapes that do not fit, a value that is not finite, or nothing known
 */
export function regressionMetrics(
  values: Float32Array,
  truth: Float32Array,
  outputs: number,
): RegressionMetrics {
  rowCount(values, outputs);
  checkSameLength(values, truth, "predictions and targets");
  checkFinite(values, outputs);
  const sums = Array.from({ length: outputs }, (_, output) => sumsOf(values, truth, outputs, output));
  const all = sums.reduce((a, b) => ({
    known: a.known + b.known,
    squares: a.squares + b.squares,
    absolute: a.absolute + b.absolute,
    spread: 0,
  }));
  if (all.known === 0) {
    throw new MetricInputError("Cannot evaluate a regression as none of its targets is known.");
  }
  const perOutput = sums.map(({ known, squares, absolute, spread }) => ({
    rmse: known > 0 ? Math.sqrt(squares / known) : null,
    mae: known > 0 ? absolute / known : null,
    r2: spread > 0 ? 1 - squares / spread : null,
    known,
  }));
  const explained = perOutput.map(({ r2 }) => r2).filter((value) => value !== null);
  return {
    rmse: Math.sqrt(all.squares / all.known),
    mae: all.absolute / all.known,
    r2: explained.length > 0 ? explained.reduce((a, b) => a + b, 0) / explained.length : null,
    perOutput,
  };
}

/**
 * The score of regression: the root of the mean squared error over all known numbers, each divided by its output's unit.
 * @param unit one an output: 1, or the deviation of the training split where outputs differ in what they measure
 */
export function rmseIn(values: Float32Array, truth: Float32Array, unit: readonly number[]): number {
  let [sum, known] = [0, 0];
  values.forEach((z, i) => {
    const error = (z - (truth[i] as number)) / (unit[i % unit.length] as number);
    if (Number.isNaN(error)) return;
    sum += error * error;
    known++;
  });
  return Math.sqrt(sum / known);
}

/** Mean squared error of each sample over its known outputs, in those units; NaN where none is known: [rows]. */
export function squaredErrors(
  values: Float32Array,
  truth: Float32Array,
  unit: readonly number[],
): Float32Array {
  const outputs = unit.length;
  return Float32Array.from({ length: values.length / outputs }, (_, row) => {
    let [sum, known] = [0, 0];
    for (let output = 0; output < outputs; output++) {
      const i = row * outputs + output;
      const error = ((values[i] as number) - (truth[i] as number)) / (unit[output] as number);
      if (Number.isNaN(error)) continue;
      sum += error * error;
      known++;
    }
    return sum / known;
  });
}

function sumsOf(values: Float32Array, truth: Float32Array, outputs: number, output: number) {
  let [known, squares, absolute, total] = [0, 0, 0, 0];
  for (let i = output; i < values.length; i += outputs) {
    const y = truth[i] as number;
    if (Number.isNaN(y)) continue;
    const error = (values[i] as number) - y;
    known++;
    squares += error * error;
    absolute += Math.abs(error);
    total += y;
  }
  let spread = 0;
  for (let i = output; i < values.length; i += outputs) {
    const y = truth[i] as number;
    if (!Number.isNaN(y)) spread += (y - total / known) ** 2;
  }
  return { known, squares, absolute, spread };
}
