import { StillhouseError } from "../errors.ts";

/** Samples that say nothing about a teacher's temperature or weight. */
export class NothingToCalibrate extends StillhouseError {}

const [SMALLEST, LARGEST] = [0.05, 20];
/** Of the interval of log T in each step of a golden-section search: 60 steps leave less than 1e-11 of it. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const STEPS = 60;

/**
 * The temperature between 0.05 and 20 at which softmax(logits / T) has the smallest negative log-likelihood (temperature
 * scaling, Guo et al. 2017). As a function of 1 / T that is convex, so a search by golden sections finds it.
 * @param logits [rows, classes], row-major
 * @param labels [rows]; those below 0 are left out
 * @throws NothingToCalibrate where no row has a label
 */
export function calibratedTemperature(logits: Float32Array, labels: Int32Array, classes: number): number {
  if (!labels.some((label) => label >= 0)) {
    throw new NothingToCalibrate(
      `Cannot calibrate a teacher on ${labels.length} samples as none of them has a label`,
      { fields: { samples: labels.length } },
    );
  }
  return temperatureOfLeast((T) => meanLoss(logits, labels, classes, T));
}

/**
 * The temperature between 0.05 and 20 at which a loss is smallest.
 * @param lossOf of the temperature; as a function of its inverse convex
 */
export function temperatureOfLeast(lossOf: (T: number) => number): number {
  const lossAt = (logT: number): number => lossOf(Math.exp(logT));
  let [low, high] = [Math.log(SMALLEST), Math.log(LARGEST)];
  let [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
  let [atLeft, atRight] = [lossAt(left), lossAt(right)];
  for (let step = 0; step < STEPS; step++) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - GOLDEN * (high - low);
      atLeft = lossAt(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + GOLDEN * (high - low);
      atRight = lossAt(right);
    }
  }
  return Math.exp((low + high) / 2);
}

function meanLoss(logits: Float32Array, labels: Int32Array, classes: number, T: number): number {
  let [sum, rows] = [0, 0];
  labels.forEach((label, row) => {
    if (label < 0) return;
    const of = logits.subarray(row * classes, (row + 1) * classes);
    let max = Number.NEGATIVE_INFINITY;
    for (const logit of of) max = Math.max(max, logit);
    let total = 0;
    for (const logit of of) total += Math.exp((logit - max) / T);
    sum += Math.log(total) - ((of[label] as number) - max) / T;
    rows++;
  });
  return sum / rows;
}

/**
 * Weights of teachers by how often they are right: the accuracy itself, or its log odds log(a / (1 - a)), which make
 * more of the last percent. A teacher that is never or always right is taken for one half of a sample better or worse;
 * log odds below those of a single error in a hundred chances count as these.
 * A teacher that no sample tells anything of has the mean of the others.
 * @param judged samples that each teacher gets right, of how many
 * @returns one a teacher, > 0, of sum 1
 * @throws NothingToCalibrate where no sample tells anything of any
 */
export function accuracyWeights(
  judged: readonly { readonly right: number; readonly of: number }[],
  by: "accuracy" | "log-odds",
): number[] {
  const known = judged.flatMap(({ right, of }) =>
    of === 0 ? [] : [weightBy(by, Math.min(Math.max(right, 0.5), of - 0.5) / of)],
  );
  if (known.length === 0) {
    throw new NothingToCalibrate(
      `Cannot weigh ${judged.length} teachers by ${by} as none of them has labelled a validation sample whose class is told and known to it: give ensemble.weights a number a teacher, or late ones more time by ensemble.quorum.deadlineS`,
      { fields: { teachers: judged.length } },
    );
  }
  const mean = known.reduce((a, b) => a + b, 0) / known.length;
  const raw = judged.map(({ of }) => (of === 0 ? mean : (known.shift() as number)));
  const sum = raw.reduce((a, b) => a + b, 0);
  return raw.map((weight) => weight / sum);
}

function weightBy(by: "accuracy" | "log-odds", accuracy: number): number {
  return by === "accuracy" ? accuracy : Math.max(0.01, Math.log(accuracy / (1 - accuracy)));
}
