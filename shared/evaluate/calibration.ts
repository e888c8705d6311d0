/**
 * Expected calibration error: sum over bins of (rows in bin / rows) |accuracy - mean confidence|, 0 to 1.
 * The confidence is the largest probability; bin i of n holds confidences in (i/n, (i+1)/n].
 *
 * @param logQ log-probabilities, [rows, classes]
 * @param bins of equal width; 15 is what most papers use, some use 10
 */
export function expectedCalibrationError(
  logQ: Float64Array,
  labels: Int32Array,
  classes: number,
  bins = 15,
): number {
  // |sum of (right - confidence)| / rows of a bin is its term: the bin's count cancels.
  const gaps = new Float64Array(bins);
  labels.forEach((label, row) => {
    let top = 0;
    for (let c = 1; c < classes; c++) {
      if ((logQ[row * classes + c] ?? 0) > (logQ[row * classes + top] ?? 0)) top = c;
    }
    const confidence = Math.exp(logQ[row * classes + top] ?? 0);
    const bin = binOf(confidence, bins);
    gaps[bin] = (gaps[bin] ?? 0) + (top === label ? 1 : 0) - confidence;
  });
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / labels.length;
}

/** An edge belongs to the bin below it. */
function binOf(confidence: number, bins: number): number {
  const bin = Math.min(bins - 1, Math.floor(confidence * bins));
  return bin > 0 && confidence <= bin / bins ? bin - 1 : bin;
}
