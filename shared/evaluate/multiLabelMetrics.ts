import { averagePrecision } from "./averagePrecision.ts";
import { MetricInputError } from "./errors.ts";
import { checkFinite, checkSameLength, rowCount } from "./rows.ts";
import type { MultiLabelMetrics } from "./taskReportSchema.ts";

/**
 * Everything that a report says about one model's predictions of a multi-label split. A class is predicted where its
 * probability is 0.5 or more, which is where its logit is not negative. What is not known counts nowhere.
 *
 * @param logits log odds, [rows, classes], row-major
 * @param truth 0, 1 or NaN (not known), [rows, classes]
 * @throws MetricInputError for shapes that do not fit, a logit that is not finite, or truth without any class
 */
export function multiLabelMetrics(
  logits: Float32Array,
  truth: Float32Array,
  classes: number,
): MultiLabelMetrics {
  const rows = rowCount(logits, classes);
  checkSameLength(logits, truth, "predictions and targets");
  checkFinite(logits, classes);
  const columns = Array.from({ length: classes }, (_, c) => columnOf(logits, truth, classes, c));
  const precisions = columns.map(({ scores, known }) => averagePrecision(scores, known));
  const measured = precisions.filter((value) => value !== null);
  if (measured.length === 0) {
    throw new MetricInputError(
      "Cannot evaluate a multi-label split as no known sample has any class: average precision needs one.",
      { fields: { rows, classes } },
    );
  }
  const counts = columns.map(decisions);
  const total = counts.reduce((sum, one) => ({
    hit: sum.hit + one.hit,
    missed: sum.missed + one.missed,
    wrong: sum.wrong + one.wrong,
    known: sum.known + one.known,
  }));
  const f1 = counts.map(f1Of);
  return {
    meanAveragePrecision: mean(measured),
    macroF1: mean(f1.filter((value) => value !== null)),
    microF1: f1Of(total) ?? 0,
    exactMatch: exactMatch(logits, truth, classes),
    hammingAccuracy: (total.known - total.missed - total.wrong) / total.known,
    binaryCrossEntropy: binaryCrossEntropyOf(logits, truth),
    perClass: columns.map(({ known }, c) => ({
      averagePrecision: precisions[c] ?? null,
      f1: f1[c] ?? null,
      positives: known.reduce((sum, value) => (value === 1 ? sum + 1 : sum), 0),
      known: (counts[c] as Decisions).known,
    })),
  };
}

/** The mean over the classes that some known sample has; NaN where there is none. */
export function meanAveragePrecision(logits: Float32Array, truth: Float32Array, classes: number): number {
  const measured = Array.from({ length: classes }, (_, c) => {
    const { scores, known } = columnOf(logits, truth, classes, c);
    return averagePrecision(scores, known);
  }).filter((value) => value !== null);
  return mean(measured);
}

/** Mean over the known entries of - log of the probability of what is true, nats; from log odds. */
export function binaryCrossEntropyOf(logits: Float32Array, truth: Float32Array): number {
  let [sum, known] = [0, 0];
  logits.forEach((z, i) => {
    const y = truth[i] as number;
    if (Number.isNaN(y)) return;
    sum += Math.max(z, 0) - y * z + Math.log1p(Math.exp(-Math.abs(z)));
    known++;
  });
  return sum / known;
}

/** Share of right decisions at 0.5 among the known classes of each sample; NaN where none is known: [rows]. */
export function rightShares(logits: Float32Array, truth: Float32Array, classes: number): Float32Array {
  return Float32Array.from({ length: truth.length / classes }, (_, row) => {
    let [right, known] = [0, 0];
    for (let i = row * classes; i < (row + 1) * classes; i++) {
      if (Number.isNaN(truth[i])) continue;
      known++;
      if (((logits[i] as number) >= 0 ? 1 : 0) === truth[i]) right++;
    }
    return right / known;
  });
}

interface Decisions {
  /** Of the samples that have the class, those for which it is predicted, and the others. */
  readonly hit: number;
  readonly missed: number;
  /** Samples without the class for which it is predicted. */
  readonly wrong: number;
  readonly known: number;
}

function decisions({ scores, known: truth }: { scores: Float32Array; known: Float32Array }): Decisions {
  let [hit, missed, wrong, known] = [0, 0, 0, 0];
  truth.forEach((y, row) => {
    if (Number.isNaN(y)) return;
    known++;
    const predicted = (scores[row] as number) >= 0;
    if (y === 1) predicted ? hit++ : missed++;
    else if (predicted) wrong++;
  });
  return { hit, missed, wrong, known };
}

/** 2 TP / (2 TP + FN + FP); null where the class is neither there nor predicted. */
function f1Of({ hit, missed, wrong }: Decisions): number | null {
  const all = 2 * hit + missed + wrong;
  return all === 0 ? null : (2 * hit) / all;
}

/** Share of the samples of which something is known with every known class right. */
function exactMatch(logits: Float32Array, truth: Float32Array, classes: number): number {
  const shares = rightShares(logits, truth, classes).filter((share) => !Number.isNaN(share));
  return shares.filter((share) => share === 1).length / shares.length;
}

function columnOf(logits: Float32Array, truth: Float32Array, classes: number, c: number) {
  const rows = truth.length / classes;
  return {
    scores: Float32Array.from({ length: rows }, (_, row) => logits[row * classes + c] as number),
    known: Float32Array.from({ length: rows }, (_, row) => truth[row * classes + c] as number),
  };
}

/** NaN of nothing. */
function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
