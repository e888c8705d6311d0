import { resolve } from "node:path";
import type { DataSpec } from "../config/spec.ts";
import { impliedClasses } from "./checks.ts";
import { readIdx } from "./idx.ts";
import { loadMnist } from "./mnist.ts";
import { type Source, sourceOfIdx } from "./source.ts";
import { synthesize } from "./synthetic.ts";

export interface Sources {
  readonly name: string;
  readonly train: Source;
  readonly test: Source;
  readonly classes: number;
}

/**
 * Reads what a spec names, one line a format.
 * @param baseDir the folder to which its paths are relative
 * @throws DataError (DataFileUnreadable, IdxError)
 */
export async function loadSources(spec: DataSpec, baseDir: string): Promise<Sources> {
  if ("dataset" in spec) return { name: spec.dataset, ...(await loadMnist()), classes: 10 };
  if (spec.format === "synthetic") return { name: spec.format, ...synthesize(spec), classes: spec.classes };
  const [train, test] = await Promise.all([
    loadIdxPair(spec.train, baseDir),
    loadIdxPair(spec.test, baseDir),
  ]);
  return { name: spec.format, train, test, classes: spec.classes ?? impliedClasses(train) };
}

async function loadIdxPair(pair: { inputs: string; labels: string }, baseDir: string): Promise<Source> {
  const [inputs, labels] = await Promise.all([
    readIdx(resolve(baseDir, pair.inputs), pair.inputs),
    readIdx(resolve(baseDir, pair.labels), pair.labels),
  ]);
  return sourceOfIdx(inputs, labels, pair);
}
