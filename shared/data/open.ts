import type { DataSpec } from "../config/spec.ts";
import { contentHash, sha256 } from "../determinism/hash.ts";
import { StillhouseError } from "../errors.ts";
import { requireFinite, requireLabelsBelow, requireSameInputs } from "./checks.ts";
import { type Dataset, rowOf, shardOf } from "./dataset.ts";
import { loadSources } from "./loadSources.ts";
import { cutLabels, cutShards } from "./shards.ts";
import { idsOf, splitTrain } from "./split.ts";

/**
 * Opens the data that a spec names: reads it, checks it, cuts it into shards (those of train first) and splits it.
 * A class without samples in train is allowed. Where `labelled` hides a label, it reads -1; validation, test and
 * samples left out by `limit` keep theirs.
 * @param baseDir the folder of the spec file, to which its paths are relative
 * @throws DataError (DataFileUnreadable, IdxError) naming the file and the value seen
 */
export async function openDataset(spec: DataSpec, baseDir: string): Promise<Dataset> {
  const { name, train, test, classes } = await loadSources(spec, baseDir);
  for (const source of [train, test]) {
    requireLabelsBelow(classes, source);
    requireFinite(source);
  }
  requireSameInputs(train, test);

  const trainShards = cutShards(train);
  const testShards = cutShards(test);
  const trainLabels = cutLabels(train.labels, trainShards);
  const split = splitTrain({
    shards: trainShards,
    labels: trainLabels,
    classes,
    validation: spec.validation,
    limit: spec.limit,
    labelled: spec.labelled,
  });
  for (const id of split.hidden) trainLabels[shardOf(id)]?.fill(-1, rowOf(id), rowOf(id) + 1);

  return withHash({
    name,
    inputShape: train.inputShape,
    classes,
    inputScale: train.inputs instanceof Uint8Array ? 1 / 255 : 1,
    shards: [...trainShards, ...testShards],
    labels: [...trainLabels, ...cutLabels(test.labels, testShards)],
    splits: {
      train: split.train,
      validation: split.validation,
      test: idsOf(testShards, trainShards.length),
    },
  });
}

/** The data that was opened is not the data that a run began with. */
export class DatasetMismatch extends StillhouseError {
  constructor(options: { name: string; seen: string; expected: string; where: string }) {
    super(
      `Cannot use dataset "${options.name}" in ${options.where}: its hash is ${options.seen}, expected ` +
        `${options.expected}. A data file, its labels, or data.classes, limit, labelled or validation changed; ` +
        "check that this machine has the same files and the same spec, or start a new run",
      { fields: { ...options } },
    );
  }
}

/**
 * Refuses a dataset whose content is not what was agreed on.
 * @param where who asks, for the error: `run r7 on this node`
 * @throws DatasetMismatch
 */
export function requireDataset(
  dataset: Pick<Dataset, "name" | "hash">,
  expectedHash: string,
  where: string,
): void {
  if (dataset.hash === expectedHash) return;
  throw new DatasetMismatch({ name: dataset.name, seen: dataset.hash, expected: expectedHash, where });
}

/** The hash leaves out the name: the same content under another name is the same dataset. */
function withHash(dataset: Omit<Dataset, "hash">): Dataset {
  const hash = contentHash({
    shards: dataset.shards.map((shard) => shard.hash),
    labels: dataset.labels.map(digest),
    classes: dataset.classes,
    inputShape: dataset.inputShape,
    inputScale: dataset.inputScale,
    splits: Object.fromEntries(Object.entries(dataset.splits).map(([split, ids]) => [split, digest(ids)])),
  });
  return { ...dataset, hash };
}

function digest(values: Int32Array | Uint32Array): string {
  return sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
