import type { Shard } from "./dataset.ts";
import { rowOf, shardOf } from "./dataset.ts";
import { DataError } from "./errors.ts";
import { type SplitOptions, splitTrain, type TrainSplit } from "./split.ts";
import { chooseByKey } from "./strata.ts";

/**
 * As `splitTrain`, of samples without one class: chosen by id alone, and of `labelled` among the samples of which
 * something is known.
 * @param known one array a shard: 0 where something is known of a row, -1 where nothing is
 * @throws DataError when `limit` or `labelled` exceeds what there is, or a split would be empty
 */
export function splitTargets(
  shards: readonly Pick<Shard, "hash" | "rows">[],
  known: readonly Int32Array[],
  { validation, limit, labelled }: Pick<SplitOptions, "validation" | "limit" | "labelled">,
): TrainSplit {
  const labels = known.map(({ length }) => new Int32Array(length));
  const split = splitTrain({ shards, labels, classes: 1, validation, limit });
  if (labelled === undefined) return split;
  const there = Array.from(split.train).filter((id) => (known[shardOf(id)]?.[rowOf(id)] ?? -1) >= 0);
  if (labelled > there.length) {
    throw new DataError(
      `Cannot keep ${labelled} samples as data.labelled asks: the training split has ${there.length} with a target; lower data.labelled or leave it out`,
      { fields: { labelled, available: there.length } },
    );
  }
  const kept = new Set(chooseByKey("labelled subset", shards, [there], [labelled]));
  return { ...split, hidden: split.train.filter((id) => !kept.has(id)) };
}
