import { inversePermutation } from "./chunks.ts";
import { rowOf, type Shard, shardOf } from "./dataset.ts";

/** One of several equal parts of the data. */
export interface Fold {
  /** Counted from 0. */
  readonly index: number;
  /** How many there are. */
  readonly of: number;
}

/**
 * The fold of a row: its place in the shard's permutation modulo the number of folds. So it derives from the shard
 * alone, as chunks do, and every chunk of any size holds equal shares of all folds.
 */
export function foldOfRow({ hash, rows }: Pick<Shard, "hash" | "rows">, row: number, folds: number): number {
  const place = inversePermutation(hash, rows)[row];
  if (place === undefined) {
    throw new RangeError(`Cannot find the fold of row ${row}: shard ${hash} has ${rows} rows`);
  }
  return place % folds;
}

/** The samples that a teacher of a fold is trained on: those of all others. */
export function outsideFold(
  shards: readonly Pick<Shard, "hash" | "rows">[],
  ids: Uint32Array,
  { index, of }: Fold,
): Uint32Array {
  return ids.filter((id) => foldOfRow(shards[shardOf(id)] as Shard, rowOf(id), of) !== index);
}
