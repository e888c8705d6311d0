import type { DataSpec } from "../config/dataSpec.ts";
import { contentHash, sha256 } from "../determinism/hash.ts";
import { StillhouseError } from "../errors.ts";
import { requireFinite, requireLabelsBelow, requireSameInputs } from "./checks.ts";
import { type Dataset, rowOf, type Shard, shardOf } from "./dataset.ts";
import { loadSources } from "./loadSources.ts";
import { type OpenedTargets, openTargets } from "./openTargets.ts";
import { cutLabels, cutShards } from "./shards.ts";
import type { Source } from "./source.ts";
import { idsOf, splitTrain } from "./split.ts";
import type { Targets } from "./targets.ts";

/**
 * Opens the data that a spec names: reads it, checks it, cuts it into shards (those of train first) and splits it.
 * A class without samples in train is allowed. Where `labelled` hides a label, it reads -1; validation, test and
 * samples left out by `limit` keep theirs.
 * @param baseDir the folder of the spec file, to which its paths are relative
 * @throws DataError (DataFileUnreadable, IdxError) naming the file and the value seen
 */
export async function openDataset(spec: DataSpec, baseDir: string): Promise<Dataset> {
  const { name, train, test, classes } = await loadSources(spec, baseDir);
  for (const source of [train, test]) requireFinite(source);
  requireSameInputs(train, test);

  const trainShards = cutShards(train);
  const testShards = cutShards(test);
  const { task = "classification" } = spec;
  const { split, labels, targets } =
    task === "classification"
      ? openLabels(spec, { train, test, classes }, trainShards, testShards)
      : openTargets(spec, task, { train, test, outputs: classes }, { train: trainShards, test: testShards });
  return withHash({
    name,
    inputShape: train.inputShape,
    classes,
    inputScale: train.inputs instanceof Uint8Array ? 1 / 255 : 1,
    shards: [...trainShards, ...testShards],
    labels,
    ...(targets ? { targets } : {}),
    splits: {
      train: split.train,
      validation: split.validation,
      test: idsOf(testShards, trainShards.length),
    },
  });
}

/** One class of each sample; splits are stratified by it. */
function openLabels(
  { validation, limit, labelled }: DataSpec,
  { train, test, classes }: { train: Source; test: Source; classes: number },
  trainShards: readonly Shard[],
  testShards: readonly Shard[],
): Omit<OpenedTargets, "targets"> & { targets?: undefined } {
  for (const source of [train, test]) requireLabelsBelow(classes, source);
  const trainLabels = cutLabels(train.labels, trainShards);
  const split = splitTrain({
    shards: trainShards,
    labels: trainLabels,
    classes,
    validation,
    limit,
    labelled,
  });
  for (const id of split.hidden) trainLabels[shardOf(id)]?.fill(-1, rowOf(id), rowOf(id) + 1);
  return { split, labels: [...trainLabels, ...cutLabels(test.labels, testShards)] };
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
    ...(dataset.targets ? { targets: targetsIdentity(dataset.targets) } : {}),
  });
  return { ...dataset, hash };
}

function targetsIdentity({ task, values, scale }: Targets) {
  return { task, values: values.map(digest), scale };
}

function digest(values: Int32Array | Uint32Array | Float32Array): string {
  return sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
