import { rowOf, type Shard, sampleId, shardOf } from "./dataset.ts";
import { DataError } from "./errors.ts";
import { chooseByKey, proportionalQuotas, strataOf } from "./strata.ts";

export interface SplitOptions {
  /** The shards of the training source, which are the first of the dataset. */
  readonly shards: readonly Pick<Shard, "hash" | "rows">[];
  /** One array a shard, each value from 0 to classes - 1. */
  readonly labels: readonly Int32Array[];
  readonly classes: number;
  /** Share of train that becomes validation, between 0 and 1. */
  readonly validation: number;
  /** Samples of the source that are used; absent: all. */
  readonly limit?: number | undefined;
  /** Labels of the training split that stay visible; absent: all. */
  readonly labelled?: number | undefined;
}

export interface TrainSplit {
  /** Sample ids, ascending. */
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
  /** Ids of the training split whose labels are to be hidden, ascending. */
  readonly hidden: Uint32Array;
}

/**
 * Divides the training source into train and validation, stratified by class. What is chosen depends on the inputs
 * and the labels alone, never on a run's seed, so that all runs on the same data share their splits.
 *
 * 1. `limit` samples are kept, in proportion to the classes (`proportionalQuotas`).
 * 2. Of each class with n samples left, round(validation * n) become validation, halves upwards, but never all n,
 *    so that no class goes missing from train.
 * 3. `labelled` samples of train keep their labels, in proportion to the classes again.
 *
 * @throws DataError when `limit` or `labelled` exceeds what there is, or a split would be empty
 */
export function splitTrain(options: SplitOptions): TrainSplit {
  const { shards, classes } = options;
  const classOf = (id: number): number => options.labels[shardOf(id)]?.[rowOf(id)] ?? -1;
  const sizes = (ids: readonly (readonly number[])[]): number[] => ids.map((of) => of.length);

  let strata = strataOf(idsOf(shards), classes, classOf);
  if (options.limit !== undefined) {
    requireAtMost("data.limit", options.limit, sizes(strata), "the training source has");
    const quotas = proportionalQuotas(sizes(strata), options.limit);
    strata = strataOf(chooseByKey("limit subset", shards, strata, quotas), classes, classOf);
  }

  const quotas = sizes(strata).map((n) => Math.max(0, Math.min(n - 1, Math.round(options.validation * n))));
  const validation = chooseByKey("validation split", shards, strata, quotas);
  const taken = new Set(validation);
  const trainStrata = strata.map((ids) => ids.filter((id) => !taken.has(id)));
  const train = Uint32Array.from(trainStrata.flat()).sort();
  requireSplits(options, train.length, validation.length);

  if (options.labelled === undefined) return { train, validation, hidden: new Uint32Array(0) };
  requireAtMost("data.labelled", options.labelled, sizes(trainStrata), "the training split has");
  const labelledQuotas = proportionalQuotas(sizes(trainStrata), options.labelled);
  const kept = new Set(chooseByKey("labelled subset", shards, trainStrata, labelledQuotas));
  return { train, validation, hidden: train.filter((id) => !kept.has(id)) };
}

/** Every id of the shards, ascending. */
export function idsOf(shards: readonly Pick<Shard, "rows">[], firstShard = 0): Uint32Array {
  const ids = new Uint32Array(shards.reduce((sum, { rows }) => sum + rows, 0));
  let at = 0;
  shards.forEach(({ rows }, shard) => {
    for (let row = 0; row < rows; row++) ids[at++] = sampleId(firstShard + shard, row);
  });
  return ids;
}

function requireAtMost(key: string, value: number, sizes: readonly number[], holder: string): void {
  const available = sizes.reduce((sum, size) => sum + size, 0);
  if (value <= available) return;
  throw new DataError(
    `Cannot keep ${value} samples as ${key} asks: ${holder} ${available}; lower ${key} or leave it out`,
    { fields: { key, value, available } },
  );
}

function requireSplits(options: SplitOptions, train: number, validation: number): void {
  if (train > 0 && validation > 0) return;
  const empty = train === 0 ? "train" : "validation";
  throw new DataError(
    `Cannot split ${train + validation} samples with data.validation ${options.validation}: ${empty} would be ` +
      `empty; expected at least one sample in each split, so give more data, a higher data.limit or another share`,
    { fields: { validation: options.validation, train, validationRows: validation } },
  );
}
