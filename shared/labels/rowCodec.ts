import type { LabelEncoding } from "../config/spec.ts";
import {
  decodeRow,
  encodeLogits,
  firstBeyond,
  firstUnusable,
  UnusableLogits,
  writeNumbers,
} from "./encoding.ts";
import { HALF_MAX } from "./half.ts";
import {
  featureBytes,
  featureEncoding,
  type RowLayout,
  rowBytes,
  rowWidth,
  sizeOfFeature,
} from "./rowLayout.ts";

/**
 * Rows of labels as they stand in the label log: of each sample its logits, then its features.
 * @param values [rows, rowWidth]
 * @param what for the error: which teacher and chunk
 * @throws UnusableLogits naming row, class or feature, the value seen and the bound
 */
export function encodeRows(layout: RowLayout, values: Float32Array, what: string): Uint8Array {
  const { encoding, classes, features } = layout;
  if (features.length === 0) return encodeLogits(encoding, values, classes, what);
  const width = rowWidth(layout);
  const rows = values.length / width;
  const bytes = new Uint8Array(rows * rowBytes(layout));
  let at = 0;
  for (let row = 0; row < rows; row++) {
    let from = row * width;
    const put = (count: number, as: LabelEncoding, name: string): void => {
      const taken = values.subarray(from, from + count);
      requireFinite(taken, as, name, row, what);
      at = writeNumbers(as, taken, bytes, at);
      from += count;
    };
    put(classes, encoding, "logits");
    for (const feature of features) put(sizeOfFeature(feature), featureEncoding(feature), feature.name);
  }
  return bytes;
}

/**
 * The logits of stored rows, without their features.
 * @returns [rows, classes]
 */
export function decodeLogits(layout: RowLayout, payload: Uint8Array): Float32Array {
  const { encoding, classes } = layout;
  const width = rowBytes(layout);
  const rows = payload.byteLength / width;
  const logits = new Float32Array(rows * classes);
  for (let row = 0; row < rows; row++) decodeRow(encoding, payload, row * width, classes, logits, row);
  return logits;
}

/** Where the first number of a stored payload stands that is not finite, in words; undefined where all are: a reader trusts no writer. */
export function firstUnusableOf(layout: RowLayout, payload: Uint8Array): string | undefined {
  const { encoding, classes, features } = layout;
  if (features.length === 0) {
    const place = firstUnusable(encoding, payload);
    return place < 0 ? undefined : `row ${Math.floor(place / classes)} class ${place % classes}`;
  }
  const bytes = rowBytes(layout);
  for (let row = 0; row * bytes < payload.byteLength; row++) {
    let at = row * bytes;
    const found = (as: LabelEncoding, length: number, name: string): string | undefined => {
      const place = firstUnusable(as, payload.subarray(at, at + length));
      at += length;
      return place < 0 ? undefined : `row ${row} ${name} ${place}`;
    };
    const places = [
      found(encoding, bytes - features.reduce((sum, f) => sum + featureBytes(f), 0), "class"),
      ...features.map((feature) =>
        found(featureEncoding(feature), featureBytes(feature), `feature "${feature.name}" number`),
      ),
    ];
    const first = places.find((place) => place !== undefined);
    if (first !== undefined) return first;
  }
  return undefined;
}

function requireFinite(
  values: Float32Array,
  as: LabelEncoding,
  name: string,
  row: number,
  what: string,
): void {
  const place = firstBeyond(as, values);
  if (place < 0) return;
  const value = values[place];
  throw new UnusableLogits(
    `Cannot label ${what} as row ${row} of ${name} holds ${value} at place ${place}: expected a finite number${as === "half" ? ` within ±${HALF_MAX}` : ""}${name === "logits" && as === "half" ? " (or set labels.encoding: float32)" : ""}`,
    { fields: { row, name, place, value } },
  );
}
