import { evaluateLogits } from "../shared/evaluate/evaluateLogits.ts";
import type { TestMetrics } from "../shared/evaluate/reportSchema.ts";

/** The ensemble on a split, and the rows of it that have a target: elsewhere its numbers mean nothing. */
export interface EnsembleAnswers {
  /** Log-probabilities, [samples, classes]. */
  readonly logits: Float32Array;
  /** Ascending. */
  readonly rows: readonly number[];
}

/**
 * What a report says about a model on the rows of a split on which it is judged; what compares it with the ensemble is
 * over those of them that have a target.
 * @param logits [samples, classes]
 * @param truth [samples]
 * @param rows ascending; of none there is nothing to say
 * @param ensemble absent: the model is not compared with it
 */
export function testMetrics(
  logits: Float32Array,
  truth: Int32Array,
  classes: number,
  rows: readonly number[],
  ensemble?: EnsembleAnswers,
): TestMetrics | null {
  if (rows.length === 0) return null;
  const targeted = new Set(ensemble?.rows);
  const both = rows.filter((row) => targeted.has(row));
  const on = (some: readonly number[], reference?: Float32Array): TestMetrics =>
    evaluateLogits(
      pick(logits, some, classes),
      Int32Array.from(some, (row) => truth[row] as number),
      classes,
      reference && pick(reference, some, classes),
    );
  if (both.length === rows.length) return on(rows, ensemble?.logits);
  if (both.length === 0) return on(rows);
  const { agreementWithEnsemble, agreementWhereEnsembleRight, agreementWhereEnsembleWrong, klToEnsemble } =
    on(both, ensemble?.logits);
  return {
    ...on(rows),
    agreementWithEnsemble,
    agreementWhereEnsembleRight,
    agreementWhereEnsembleWrong,
    klToEnsemble,
  };
}

function pick(values: Float32Array, rows: readonly number[], classes: number): Float32Array {
  if (rows.length * classes === values.length) return values;
  const out = new Float32Array(rows.length * classes);
  rows.forEach((row, i) => {
    out.set(values.subarray(row * classes, (row + 1) * classes), i * classes);
  });
  return out;
}
