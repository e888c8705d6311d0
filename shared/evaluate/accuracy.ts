import { checkSameLength } from "./rows.ts";

/** 1 where the predicted class is the label, else 0: [rows] and [rows] -> [rows]. */
export function correctness(predicted: Int32Array, labels: Int32Array): Uint8Array {
  checkSameLength(predicted, labels, "predictions and labels");
  return Uint8Array.from(predicted, (p, i) => (p === labels[i] ? 1 : 0));
}

/** Share of right predictions, 0 to 1. */
export function accuracy(predicted: Int32Array, labels: Int32Array): number {
  let right = 0;
  for (const one of correctness(predicted, labels)) right += one;
  return right / labels.length;
}

/** Share of right predictions among the samples of each class; null for a class without samples. */
export function perClassAccuracy(
  predicted: Int32Array,
  labels: Int32Array,
  classes: number,
): (number | null)[] {
  const right = new Float64Array(classes);
  const count = new Float64Array(classes);
  correctness(predicted, labels).forEach((one, i) => {
    const label = labels[i] ?? 0;
    right[label] = (right[label] ?? 0) + one;
    count[label] = (count[label] ?? 0) + 1;
  });
  return Array.from(count, (n, c) => (n === 0 ? null : (right[c] ?? 0) / n));
}
