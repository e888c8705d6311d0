import * as tf from "@tensorflow/tfjs";
import { type EnsembleRule, normaliseWeights } from "./ensemble.ts";
import { knownMask } from "./known.ts";

/** Of a class that no teacher knows. */
const UNKNOWN = -1e4;

/**
 * One distribution over all classes from teachers that each know a part of them, joined through the classes that they
 * share. A teacher's logits are taken for those of the whole up to one number a_k a sample, as its softmax is:
 *
 *   minimise over u, a:  sum_k w_k sum_{c in L_k} (v_kc / T - u_c - a_k)^2,   target softmax(u)
 *
 * For two teachers and one shared class that is exact; where they share more and contradict each other it is the least
 * squares between them. Of teachers that know all it is the geometric mean. The sets must hang together (`bridged`).
 */
export const bridge: EnsembleRule = ({ logits, weights, known }, temper) =>
  tf.tidy(() => {
    const [first] = logits as [tf.Tensor2D];
    const classes = first.shape[1];
    const masks = logits.map((_, k) => knownMask(known?.[k] ?? null, classes));
    const w = normaliseWeights(weights, logits.length);
    const total = masks[0]?.map((_, c) =>
      masks.reduce((sum, of, k) => sum + (w[k] as number) * (of[c] as number), 0),
    );
    const all = total as number[];
    // Share of each teacher in each class: the weights of those that know it, of sum 1.
    const shares = masks.map((mask, k) =>
      mask.map((one, c) => (one === 0 ? 0 : (w[k] as number) / (all[c] as number))),
    );
    const own = logits.map((of, k) => temper(of).mul<tf.Tensor2D>(tf.tensor1d(masks[k] as number[])));
    const mean = own
      .map((of, k) => of.mul<tf.Tensor2D>(tf.tensor1d(shares[k] as number[])))
      .reduce((sum, of) => sum.add<tf.Tensor2D>(of)); // [batch, classes]
    const gaps = own.map((of, k) =>
      of
        .sub(mean)
        .mul(tf.tensor1d(masks[k] as number[]))
        .sum(-1),
    ); // [batch] each
    const solve = offsetsOf(masks, shares);
    let joined = mean;
    solve.forEach((row, k) => {
      const offset = row
        .map((factor, j) => (gaps[j] as tf.Tensor).mul(factor))
        .reduce((sum, one) => sum.add(one))
        .expandDims(1); // [batch, 1]
      joined = joined.sub<tf.Tensor2D>(offset.mul(tf.tensor1d(shares[k] as number[])));
    });
    const hidden = all.map((one) => (one === 0 ? UNKNOWN : 0));
    return tf.logSoftmax(joined.add<tf.Tensor2D>(tf.tensor1d(hidden)));
  });

/**
 * How the numbers a_k follow from what each teacher's logits differ from the mean, summed over its classes. With u put in,
 * the conditions are linear in a, and their matrix depends on sets and weights alone:
 *
 *   |L_k| a_k - sum_j (sum_{c in L_k} share_jc) a_j = gap_k,   a_0 = 0, as one number of all is free
 *
 * @returns [teachers][teachers]: a = matrix gap
 */
function offsetsOf(masks: readonly number[][], shares: readonly number[][]): number[][] {
  const count = masks.length;
  const coefficient = (k: number, j: number): number => {
    const mask = masks[k] as number[];
    const shared = mask.reduce((sum, one, c) => sum + one * (shares[j]?.[c] as number), 0);
    return (k === j ? mask.reduce((sum, one) => sum + one, 0) : 0) - shared;
  };
  const rest = Array.from({ length: count - 1 }, (_, i) => i + 1);
  const inverse = inverted(rest.map((k) => rest.map((j) => coefficient(k, j))));
  return masks.map((_, k) => masks.map((_, j) => inverse[k - 1]?.[j - 1] ?? 0));
}

/** The inverse of a small matrix, by Gauss and Jordan with the largest pivot. */
function inverted(matrix: readonly number[][]): number[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let column = 0; column < n; column++) {
    const size = (i: number): number => Math.abs(rows[i]?.[column] as number);
    let pivot = column;
    for (let i = column + 1; i < n; i++) if (size(i) > size(pivot)) pivot = i;
    [rows[column], rows[pivot]] = [rows[pivot] as number[], rows[column] as number[]];
    const top = rows[column] as number[];
    const by = top[column] as number;
    rows[column] = top.map((value) => value / by);
    rows.forEach((row, i) => {
      if (i === column) return;
      const factor = row[column] as number;
      rows[i] = row.map((value, j) => value - factor * (rows[column]?.[j] as number));
    });
  }
  return rows.map((row) => row.slice(n));
}
