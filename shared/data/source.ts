import { DataError } from "./errors.ts";
import type { IdxArray } from "./idx.ts";

/** All samples of one origin, before they are cut into shards. */
export interface Source {
  readonly rows: number;
  /** [rows, ...inputShape], row-major. */
  readonly inputs: Uint8Array | Float32Array;
  /** Without the batch. */
  readonly inputShape: readonly number[];
  /** The class of each row; all 0 where there are `targets` instead. */
  readonly labels: Uint8Array | Int32Array;
  /** Of other tasks than classification: [rows, outputs], row-major, NaN where a number is not known. */
  readonly targets?: Float32Array;
  /** How errors name the inputs and the labels: their paths as written. */
  readonly from: { readonly inputs: string; readonly labels: string };
}

/**
 * Joins a file of inputs and a file of labels. Inputs of rank 3 (rows, height, width) get one channel.
 * @throws DataError when the ranks, the types or the numbers of rows do not fit, or there is no sample
 */
export function sourceOfIdx(inputs: IdxArray, labels: IdxArray, from: Source["from"]): Source {
  const [rows = 0, ...sample] = inputs.shape;
  if (sample.length < 1 || sample.length > 3) {
    throw new DataError(
      `Cannot use "${from.inputs}" as inputs: its shape is [${inputs.shape.join(", ")}]; ` +
        "expected (rows, features), (rows, height, width) or (rows, height, width, channels)",
      { fields: { file: from.inputs, shape: inputs.shape } },
    );
  }
  if (!(labels.values instanceof Uint8Array) || labels.shape.length !== 1) {
    const type = labels.values instanceof Uint8Array ? "unsigned bytes" : "float32";
    throw new DataError(
      `Cannot use "${from.labels}" as labels: it holds ${type} of shape [${labels.shape.join(", ")}]; ` +
        "expected unsigned bytes of shape (rows)",
      { fields: { file: from.labels, shape: labels.shape, type } },
    );
  }
  if (labels.values.length !== rows) {
    throw new DataError(
      `Cannot pair "${from.inputs}" with "${from.labels}": ${rows} rows of inputs, ${labels.values.length} labels; ` +
        "expected as many labels as inputs",
      { fields: { ...from, rows, labels: labels.values.length } },
    );
  }
  if (inputs.values.length === 0) {
    throw new DataError(
      `Cannot use "${from.inputs}" as inputs: its shape is [${inputs.shape.join(", ")}], which holds no value; ` +
        "expected at least one sample",
      { fields: { file: from.inputs, shape: inputs.shape } },
    );
  }
  const inputShape = sample.length === 2 ? [...sample, 1] : sample;
  return { rows, inputs: inputs.values, inputShape, labels: labels.values, from };
}
