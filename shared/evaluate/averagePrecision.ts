/**
 * Average precision of one class: the area under its curve of precision over recall, in steps,
 *
 *   AP = sum_n (R_n - R_{n-1}) P_n
 *
 * over the distinct scores from the highest down, so that samples of one score are taken together. (The definition of
 * scikit-learn's `average_precision_score`; nothing is interpolated.)
 *
 * @param scores one a sample; only their order counts
 * @param truth 1 where the sample has the class, 0 where not, NaN where that is not known, which is left out
 * @returns from 0 to 1; null where no known sample has the class
 */
export function averagePrecision(scores: ArrayLike<number>, truth: ArrayLike<number>): number | null {
  const order = Array.from({ length: truth.length }, (_, i) => i)
    .filter((i) => !Number.isNaN(truth[i]))
    .sort((a, b) => (scores[b] as number) - (scores[a] as number));
  const positives = order.reduce((sum, i) => sum + (truth[i] as number), 0);
  if (positives === 0) return null;
  let [seen, right, area] = [0, 0, 0];
  while (seen < order.length) {
    const score = scores[order[seen] as number];
    let found = 0;
    while (seen < order.length && scores[order[seen] as number] === score) {
      found += truth[order[seen] as number] as number;
      seen++;
    }
    right += found;
    area += (found / positives) * (right / seen);
  }
  return area;
}
