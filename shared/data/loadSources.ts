import { resolve } from "node:path";
import type { DataSpec } from "../config/dataSpec.ts";
import { impliedClasses } from "./checks.ts";
import { DataError } from "./errors.ts";
import { readIdx } from "./idx.ts";
import { loadMnist } from "./mnist.ts";
import { readNpzSplit } from "./npzSource.ts";
import { type Source, sourceOfIdx } from "./source.ts";
import { synthesizeTargets } from "./synthesizeTargets.ts";
import { synthesize } from "./synthetic.ts";

export interface Sources {
  readonly name: string;
  readonly train: Source;
  readonly test: Source;
  /** Numbers a model gives for a sample. */
  readonly classes: number;
}

/**
 * Reads what a spec names, one line a format.
 * @param baseDir the folder to which its paths are relative
 * @throws DataError (DataFileUnreadable, IdxError)
 */
export async function loadSources(spec: DataSpec, baseDir: string): Promise<Sources> {
  if ("dataset" in spec) return { name: spec.dataset, ...(await loadMnist()), classes: 10 };
  if (spec.format === "synthetic") return ofSynthetic(spec);
  if (spec.format === "npz") return ofNpz(spec, baseDir);
  const [train, test] = await Promise.all([
    loadIdxPair(spec.train, baseDir),
    loadIdxPair(spec.test, baseDir),
  ]);
  return { name: spec.format, train, test, classes: spec.classes ?? impliedClasses(train) };
}

async function ofNpz(spec: Extract<DataSpec, { format: "npz" }>, baseDir: string): Promise<Sources> {
  const [train, test] = await Promise.all([
    readNpzSplit(spec, spec.train, baseDir),
    readNpzSplit(spec, spec.test, baseDir),
  ]);
  const sources = { name: spec.format, train: train.source, test: test.source };
  if (train.outputs === null) return { ...sources, classes: spec.classes ?? impliedClasses(train.source) };
  if (train.outputs === test.outputs) return { ...sources, classes: train.outputs };
  throw new DataError(
    `Cannot test on "${test.source.from.labels}" what is trained on "${train.source.from.labels}": it has ${test.outputs} targets a sample, expected ${train.outputs}`,
    { fields: { train: train.outputs, test: test.outputs } },
  );
}

function ofSynthetic(spec: Extract<DataSpec, { format: "synthetic" }>): Sources {
  const { format: name, task = "classification", outputs = 1 } = spec;
  if (task === "classification") return { name, ...synthesize(spec), classes: spec.classes };
  const classes = task === "regression" ? outputs : spec.classes;
  return { name, ...synthesizeTargets({ ...spec, task, outputs: classes }), classes };
}

async function loadIdxPair(pair: { inputs: string; labels: string }, baseDir: string): Promise<Source> {
  const [inputs, labels] = await Promise.all([
    readIdx(resolve(baseDir, pair.inputs), pair.inputs),
    readIdx(resolve(baseDir, pair.labels), pair.labels),
  ]);
  return sourceOfIdx(inputs, labels, pair);
}
