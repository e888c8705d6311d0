import {
  type DrawsOf,
  decodeRow,
  drawsOf,
  encodeLogits,
  firstBeyond,
  firstFault,
  rowFault,
  UnusableLogits,
  withinBound,
  writeRow,
} from "./encoding.ts";
import { firstNotFinite, writeNumbers } from "./encodings/dense.ts";
import type { Reading } from "./reading.ts";
import {
  featureBytes,
  featureEncoding,
  featuresBytes,
  type RowLayout,
  rowBytes,
  rowWidth,
  sizeOfFeature,
} from "./rowLayout.ts";

/**
 * Rows of labels as they stand in the label log: of each sample its logits, then its features.
 * @param values [rows, rowWidth]
 * @param what for the error: which teacher and chunk
 * @param draws for `sampled`
 * @param bytes to write into, exactly as large; absent: new ones
 * @throws UnusableLogits naming row, class or feature, the value seen and the bound
 */
export function encodeRows(
  layout: RowLayout,
  values: Float32Array,
  what: string,
  draws?: DrawsOf,
  bytes: Uint8Array = new Uint8Array((values.length / rowWidth(layout)) * rowBytes(layout)),
): Uint8Array {
  const { encoding, classes, features } = layout;
  if (features.length === 0) return encodeLogits(encoding, values, classes, what, draws, bytes);
  const width = rowWidth(layout);
  const rows = values.length / width;
  let at = 0;
  for (let row = 0; row < rows; row++) {
    let from = row * width;
    const take = (count: number, as: RowLayout["encoding"], name: string): Float32Array => {
      const taken = values.subarray(from, from + count);
      requireFinite(taken, as, name, row, what);
      from += count;
      return taken;
    };
    const logits = take(classes, encoding, "logits");
    at = writeRow(encoding, logits, 0, classes, bytes, at, () => drawsOf(row, draws));
    for (const feature of features) {
      const as = featureEncoding(feature);
      writeNumbers(as, take(sizeOfFeature(feature), as, feature.name), bytes, at);
      at += featureBytes(feature);
    }
  }
  return bytes;
}

/**
 * The logits of stored rows, without their features.
 * @param reading absent: at T = 1
 * @returns [rows, classes]
 */
export function decodeLogits(layout: RowLayout, payload: Uint8Array, reading?: Reading): Float32Array {
  const { encoding, classes } = layout;
  const width = rowBytes(layout);
  const rows = payload.byteLength / width;
  const logits = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) {
    decodeRow(encoding, payload, row * width, classes, logits, row, reading);
  }
  return logits;
}

/** Where a stored payload is no rows of labels, in words; undefined where it is: a reader trusts no writer. */
export function firstUnusableOf(layout: RowLayout, payload: Uint8Array): string | undefined {
  const { encoding, classes, features } = layout;
  if (features.length === 0) return firstFault(encoding, classes, payload);
  const bytes = rowBytes(layout);
  const rows = Math.floor(payload.byteLength / bytes);
  if (rows * bytes !== payload.byteLength) {
    return `row ${rows} has ${payload.byteLength - rows * bytes} of ${bytes} bytes`;
  }
  for (let row = 0; row < rows; row++) {
    const fault = rowFault(encoding, classes, payload, row * bytes);
    if (fault !== undefined) return `row ${row} ${fault}`;
    let at = (row + 1) * bytes - featuresBytes(features);
    for (const feature of features) {
      const place = firstNotFinite(
        featureEncoding(feature),
        payload.subarray(at, at + featureBytes(feature)),
      );
      if (place >= 0) return `row ${row} feature "${feature.name}" number ${place} is not finite`;
      at += featureBytes(feature);
    }
  }
  return undefined;
}

function requireFinite(
  values: Float32Array,
  as: RowLayout["encoding"],
  name: string,
  row: number,
  what: string,
): void {
  const place = firstBeyond(as, values);
  if (place < 0) return;
  const value = values[place];
  throw new UnusableLogits(
    `Cannot label ${what} as row ${row} of ${name} holds ${value} at place ${place}: expected a finite number${withinBound(as, name === "logits")}`,
    { fields: { row, name, place, value } },
  );
}
