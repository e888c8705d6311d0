/**
 * Weights have 7 bits: where a processor adds two products of bytes in 16 bits (AVX2 and AVX-512 without VNNI), that sum
 * stays in its range, 2 x 255 x 63 < 2^15. So every machine computes the same, and all do it in the fast way.
 */
const LARGEST = 63;

export interface QuantisedWeights {
  /** int8, [rows, columns] */
  readonly values: Int8Array;
  /** [columns]; a weight is about its value times the scale of its column. */
  readonly scales: Float32Array;
}

/**
 * Whole numbers for a matrix, with a scale for each column: its largest weight becomes 63 or -63.
 * @param matrix [rows, columns], row-major
 */
export function quantiseWeights(matrix: Float32Array, columns: number): QuantisedWeights {
  const scales = new Float32Array(columns);
  for (const [i, weight] of matrix.entries()) {
    const column = i % columns;
    scales[column] = Math.max(scales[column] as number, Math.abs(weight));
  }
  // A column of zeros alone: any scale is right.
  for (const [column, largest] of scales.entries()) scales[column] = largest === 0 ? 1 : largest / LARGEST;
  const values = Int8Array.from(matrix, (weight, i) => {
    const whole = Math.round(weight / (scales[i % columns] as number));
    return Math.min(LARGEST, Math.max(-LARGEST, whole));
  });
  return { values, scales };
}
