import { MetricInputError } from "./errors.ts";

/**
 * The number of rows of a row-major [rows, classes] array.
 * @throws MetricInputError when the length is no positive multiple of `classes`
 */
export function rowCount(logits: Float32Array, classes: number): number {
  const rows = logits.length / classes;
  if (!Number.isInteger(classes) || classes < 1 || !Number.isInteger(rows) || rows < 1) {
    throw new MetricInputError(
      `Cannot evaluate logits of ${classes} classes as their length must be a positive multiple of it: it is ${logits.length}. Check the shape [rows, classes].`,
      { fields: { classes, length: logits.length } },
    );
  }
  return rows;
}

/**
 * The number of rows, after checking that there is one label a row and that each lies in 0 .. classes - 1.
 * @throws MetricInputError naming the first label that does not fit
 */
export function labelledRowCount(logits: Float32Array, labels: Int32Array, classes: number): number {
  const rows = rowCount(logits, classes);
  if (labels.length !== rows) {
    throw new MetricInputError(
      `Cannot evaluate ${rows} predictions as each needs one label: ${labels.length} labels were given.`,
      { fields: { rows, labels: labels.length } },
    );
  }
  const bad = labels.findIndex((label) => label < 0 || label >= classes);
  if (bad >= 0) {
    throw new MetricInputError(
      `Cannot evaluate row ${bad} as its label must lie in 0 to ${classes - 1}: it is ${labels[bad]}. Leave out samples without a label.`,
      { fields: { row: bad, label: labels[bad], classes } },
    );
  }
  return rows;
}

/** @throws MetricInputError unless both arrays have one entry a sample */
export function checkSameLength(a: ArrayLike<number>, b: ArrayLike<number>, what: string): void {
  if (a.length !== b.length) {
    throw new MetricInputError(
      `Cannot compare ${what} as their lengths differ: ${a.length} and ${b.length}.`,
      {
        fields: { lengths: [a.length, b.length] },
      },
    );
  }
}

/** @throws MetricInputError naming the first row and class whose logit is NaN or infinite */
export function checkFinite(logits: Float32Array, classes: number): void {
  const bad = logits.findIndex((z) => !Number.isFinite(z));
  if (bad < 0) return;
  const row = Math.floor(bad / classes);
  throw new MetricInputError(
    `Cannot evaluate row ${row} as its logits must be finite: class ${bad % classes} has ${logits[bad]}. A model that diverged gives such values: lower its learning rate, or clip gradients.`,
    { fields: { row, class: bad % classes, value: String(logits[bad]) } },
  );
}
