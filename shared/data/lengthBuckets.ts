import { DataError } from "./errors.ts";

/** Samples of one step, all of which fit into rows of `bucket` tokens. */
export interface BucketBatch {
  readonly bucket: number;
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
    planned.push({ bucket, ids: Uint32Array.from(ids) });
    filling.delete(bucket);
  }
  const left = [...filling].sort(([a], [b]) => a - b);
  return [...planned, ...left.map(([bucket, ids]) => ({ bucket, ids: Uint32Array.from(ids) }))];
}

/**
 * Rows of token ids, each filled with zeros, or freed of them, to the length of the bucket.
 * @returns [rows.length, bucket], row-major
 * @throws LongerThanBuckets for a row with more tokens
 */
export function padRows(rows: readonly ArrayLike<number>[], bucket: number): Float32Array {
  const out = new Float32Array(rows.length * bucket);
  rows.forEach((row, r) => {
    const length = tokenCount(row);
    bucketOf(length, [bucket]);
    for (let i = 0; i < length; i++) out[r * bucket + i] = row[i] as number;
  });
  return out;
}
