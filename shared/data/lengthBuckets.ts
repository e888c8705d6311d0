import { type Dataset, rowOf, type Shard, shardOf } from "./dataset.ts";
import { DataError } from "./errors.ts";

/** Samples of one step, all of which fit into rows of `length` tokens. */
export interface BucketBatch {
  readonly length: number;
  readonly ids: Uint32Array;
}

/** A sequence is longer than the largest bucket. */
export class LongerThanBuckets extends DataError {}

/** Tokens of a row whose end is filled with zeros. */
export function tokenCount(row: ArrayLike<number>): number {
  let length = row.length;
  while (length > 0 && row[length - 1] === 0) length--;
  return length;
}

/** How many tokens a sample of a dataset has, by its id. */
export function tokenLengths({
  shards,
  inputShape: [length = 0],
}: Pick<Dataset, "shards" | "inputShape">): (id: number) => number {
  return (id) => {
    const row = rowOf(id) * length;
    return tokenCount((shards[shardOf(id)] as Shard).inputs.subarray(row, row + length));
  };
}

/**
 * The smallest bucket that holds `length` tokens.
 * @param buckets lengths, in any order
 * @throws LongerThanBuckets
 */
export function bucketOf(length: number, buckets: readonly number[]): number {
  const smallest = buckets.reduce(
    (best, bucket) => (bucket >= length && bucket < best ? bucket : best),
    Number.POSITIVE_INFINITY,
  );
  if (smallest < Number.POSITIVE_INFINITY) return smallest;
  const largest = Math.max(0, ...buckets);
  throw new LongerThanBuckets(
    `Cannot place a sequence of ${length} tokens as the largest bucket holds ${largest}: add a bucket, or cut the sequence`,
    { fields: { length, largest } },
  );
}

/**
 * Plans an epoch in which the samples of a step share a bucket. A batch is due when its last sample is: the full ones
 * come in the order in which they fill, then what is left, the smallest bucket first.
 * @param lengthOf tokens of a sample
 * @param order sample ids, each of which comes once, and in this order within its bucket
 * @param batch samples a step; the last of each bucket may have fewer, and stays so
 * @throws LongerThanBuckets
 */
export function bucketBatches(
  lengthOf: (id: number) => number,
  order: Uint32Array,
  batch: number,
  buckets: readonly number[],
): BucketBatch[] {
  const planned: BucketBatch[] = [];
  const filling = new Map<number, number[]>();
  for (const id of order) {
    const bucket = bucketOf(lengthOf(id), buckets);
    const ids = filling.get(bucket) ?? [];
    ids.push(id);
    filling.set(bucket, ids);
    if (ids.length < batch) continue;
    planned.push({ length: bucket, ids: Uint32Array.from(ids) });
    filling.delete(bucket);
  }
  const left = [...filling].sort(([a], [b]) => a - b);
  return [...planned, ...left.map(([bucket, ids]) => ({ length: bucket, ids: Uint32Array.from(ids) }))];
}
