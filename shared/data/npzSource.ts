import { resolve } from "node:path";
import type { DataSpec } from "../config/dataSpec.ts";
import type { Task } from "../config/tasks.ts";
import { DataError } from "./errors.ts";
import type { NpyArray } from "./npy.ts";
import { readNpz } from "./npz.ts";
import { readDataFile } from "./readDataFile.ts";
import type { Source } from "./source.ts";

type NpzSpec = Extract<DataSpec, { format: "npz" }>;

/** A split of an NPZ file, and how many numbers a model gives for a sample of it; null where only classes tell. */
export interface NpzSplit {
  readonly source: Source;
  readonly outputs: number | null;
}

/**
 * Reads the inputs and targets of one split. Images without channels get one.
 * @param written path as the spec has it
 * @throws DataFileUnreadable, NpzError, NpyError, DataError for arrays that are not there, or do not fit the task or each
 *   other
 */
export async function readNpzSplit(
  { inputs: inputName, targets: targetName, task = "classification" }: NpzSpec,
  written: string,
  baseDir: string,
): Promise<NpzSplit> {
  const arrays = readNpz(
    await readDataFile(resolve(baseDir, written), written),
    written,
    [inputName, targetName],
    4,
  );
  const array = (name: string, key: string): NpyArray => {
    const found = arrays.get(name);
    if (found) return found;
    throw new DataError(
      `Cannot read data of "${written}": it has no array "${name}"; write one with numpy.savez(path, ${name}=...), or name another by data.${key}`,
      { fields: { file: written, array: name } },
    );
  };
  const from = { inputs: `${written}/${inputName}`, labels: `${written}/${targetName}` };
  const inputs = array(inputName, "inputs");
  const targets = array(targetName, "targets");
  const [rows = 0, ...sample] = inputs.shape;
  if (sample.length < 1 || inputs.shape.some((size) => size === 0)) {
    throw wrong(
      from.inputs,
      inputs,
      "(samples, features), (samples, height, width) or (samples, height, width, channels), none of them 0",
    );
  }
  if (targets.shape[0] !== rows) {
    throw new DataError(
      `Cannot pair "${from.inputs}" with "${from.labels}": ${rows} rows of inputs, ${targets.shape[0]} of targets; expected as many`,
      { fields: { ...from, rows, targets: targets.shape[0] } },
    );
  }
  const inputShape = sample.length === 2 ? [...sample, 1] : sample;
  const common = { rows, inputs: numbersOf(inputs), inputShape, from };
  if (task === "classification") {
    return { source: { ...common, labels: classesOf(targets, from.labels) }, outputs: null };
  }
  const outputs = outputsOf(targets, task, from.labels);
  const values = targetsOf(targets, task);
  return { source: { ...common, labels: new Int32Array(rows), targets: values }, outputs };
}

function sizeOf({ shape }: NpyArray): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes stay bytes, which a model is given divided by 255; everything else becomes float32. */
function numbersOf(array: NpyArray): Uint8Array | Float32Array {
  const size = sizeOf(array);
  const out = array.unsignedBytes ? new Uint8Array(size) : new Float32Array(size);
  for (let i = 0; i < size; i++) out[i] = array.at(i);
  return out;
}

function classesOf(targets: NpyArray, name: string): Int32Array {
  if (targets.kind !== "integer" || targets.shape.length !== 1) {
    throw wrong(name, targets, "whole numbers of shape (samples), one class each, or another data.task");
  }
  return Int32Array.from({ length: sizeOf(targets) }, (_, i) => targets.at(i));
}

function outputsOf(targets: NpyArray, task: Task, name: string): number {
  const [, outputs = 1, ...more] = targets.shape;
  if (more.length === 0 && (targets.shape.length === 2 || task === "regression") && outputs > 0) {
    return outputs;
  }
  const expected =
    task === "regression"
      ? "numbers of shape (samples) or (samples, outputs)"
      : "0 and 1 of shape (samples, classes)";
  throw wrong(name, targets, expected);
}

/** NaN where a target is not known: in multi-label -1 says so too. */
function targetsOf(targets: NpyArray, task: Task): Float32Array {
  const unknown = (value: number): boolean => Number.isNaN(value) || (task === "multi-label" && value === -1);
  return Float32Array.from({ length: sizeOf(targets) }, (_, i) => {
    const value = targets.at(i);
    return unknown(value) ? Number.NaN : value;
  });
}

function wrong(name: string, { kind, shape }: NpyArray, expected: string): DataError {
  return new DataError(
    `Cannot use "${name}": it holds ${kind}s of shape (${shape.join(", ")}); expected ${expected}`,
    { fields: { array: name, kind, shape } },
  );
}
