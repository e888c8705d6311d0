import type { Task } from "../config/tasks.ts";
import { type Dataset, rowOf, shardOf } from "./dataset.ts";

/** What is true of the samples, where that is not one class. */
export interface Targets {
  readonly task: Exclude<Task, "classification">;
  /**
   * One a shard, [rows, classes], row-major: 0 or 1 for each class, or the numbers to predict in the data's units; NaN
   * where it is not known. Over SharedArrayBuffers.
   */
  readonly values: readonly Float32Array[];
  /** What a model learns of a number y is (y - mean) / deviation, one of each an output; 0 and 1 in multi-label. */
  readonly scale: { readonly mean: readonly number[]; readonly deviation: readonly number[] };
}

/** True answers of a batch in the numbers that a model learns. */
export interface Answers {
  /** [rows, classes]; 0 where it is not known. */
  readonly truth: Float32Array;
  /** 1 where it is known, else 0: [rows, classes]. */
  readonly known: Float32Array;
}

export function taskOf({ targets }: Pick<Dataset, "targets">): Task {
  return targets?.task ?? "classification";
}

/**
 * The true numbers of samples, in the data's units, NaN where they are not known.
 * @returns [ids.length, classes]
 * @throws RangeError for an id that the dataset does not have
 */
export function gatherValues({ values }: Targets, classes: number, ids: ArrayLike<number>): Float32Array {
  const out = new Float32Array(ids.length * classes);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    const start = rowOf(id) * classes;
    const of = values[shardOf(id)];
    if (of === undefined || start >= of.length) {
      throw new RangeError(`Cannot gather the targets of sample ${id}: there is none such`);
    }
    out.set(of.subarray(start, start + classes), i * classes);
  }
  return out;
}

/** The same as a step of a training takes it. */
export function gatherAnswers(targets: Targets, classes: number, ids: ArrayLike<number>): Answers {
  const truth = standardised(targets, gatherValues(targets, classes, ids));
  const known = truth.map((value) => (Number.isNaN(value) ? 0 : 1));
  return { truth: truth.map((value) => (Number.isNaN(value) ? 0 : value)), known };
}

/** Numbers in the data's units to what a model learns, in place: [rows, classes]. */
export function standardised({ scale, task }: Targets, values: Float32Array): Float32Array {
  if (task !== "regression") return values;
  const { mean, deviation } = scale;
  for (let i = 0; i < values.length; i++) {
    const output = i % mean.length;
    values[i] = ((values[i] as number) - (mean[output] as number)) / (deviation[output] as number);
  }
  return values;
}

/** The reverse, in place. */
export function inUnits({ scale, task }: Targets, values: Float32Array): Float32Array {
  if (task !== "regression") return values;
  const { mean, deviation } = scale;
  for (let i = 0; i < values.length; i++) {
    const output = i % mean.length;
    values[i] = (values[i] as number) * (deviation[output] as number) + (mean[output] as number);
  }
  return values;
}

/**
 * What errors of regression are divided by in its score: nothing for one output, which is reported in its own unit; the
 * standardising deviations for several, whose units may differ.
 */
export function scoreUnit({ scale: { deviation } }: Targets): readonly number[] {
  return deviation.length === 1 ? [1] : deviation;
}
