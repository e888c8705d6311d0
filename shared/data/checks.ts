import { DataError } from "./errors.ts";
import type { Source } from "./source.ts";

/** Number of classes that the labels of a source imply: the largest plus one. */
export function impliedClasses(train: Source): number {
  let largest = -1;
  for (const label of train.labels) if (label > largest) largest = label;
  if (largest < 1) {
    throw new DataError(
      `Cannot learn from "${train.from.labels}": all its labels are ${largest}; expected two classes or more`,
      { fields: { file: train.from.labels, label: largest } },
    );
  }
  return largest + 1;
}

/** @throws DataError when a label is not from 0 to classes - 1 */
export function requireLabelsBelow(classes: number, source: Source): void {
  const row = source.labels.findIndex((label: number) => label < 0 || label >= classes);
  if (row < 0) return;
  throw new DataError(
    `Cannot use label ${source.labels[row]} in row ${row} of "${source.from.labels}": the dataset has ${classes} ` +
      `classes; expected 0 to ${classes - 1}, or a higher data.classes`,
    { fields: { file: source.from.labels, row, label: source.labels[row], classes } },
  );
}

/** @throws DataError when an input is NaN or infinite, which would spread into every weight */
export function requireFinite(source: Source): void {
  if (source.inputs instanceof Uint8Array) return;
  const at = source.inputs.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const row = Math.floor((at * source.rows) / source.inputs.length);
  throw new DataError(
    `Cannot use the value ${source.inputs[at]} in row ${row} of "${source.from.inputs}": expected finite numbers`,
    { fields: { file: source.from.inputs, row } },
  );
}

/** @throws DataError when test samples have another shape or type than those to train on */
export function requireSameInputs(train: Source, test: Source): void {
  const describe = (source: Source): string =>
    `[${source.inputShape.join(", ")}] ${source.inputs instanceof Uint8Array ? "bytes" : "float32"}`;
  if (describe(train) === describe(test)) return;
  throw new DataError(
    `Cannot test on "${test.from.inputs}" what is trained on "${train.from.inputs}": a test sample is ` +
      `${describe(test)}, expected ${describe(train)}`,
    { fields: { train: describe(train), test: describe(test) } },
  );
}
