import { inversePermutation } from "./chunks.ts";
import { type Dataset, rowOf, type Shard, shardOf } from "./dataset.ts";

/** The place of a sample in the permutation of its shard, by which its labels are found. */
export function placeOf({ shards }: Pick<Dataset, "shards">, id: number): number {
  const { hash, rows } = shards[shardOf(id)] as Shard;
  return inversePermutation(hash, rows)[rowOf(id)] as number;
}
