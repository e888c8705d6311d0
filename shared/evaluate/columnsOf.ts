/**
 * Some of the columns of a row-major array, in the order asked for.
 * @param values [rows, width]
 * @returns [rows, columns.length]
 */
export function columnsOf(values: Float32Array, width: number, columns: ArrayLike<number>): Float32Array {
  const rows = values.length / width;
  const { length } = columns;
  return Float32Array.from(
    { length: rows * length },
    (_, i) => values[Math.floor(i / length) * width + (columns[i % length] as number)] as number,
  );
}
