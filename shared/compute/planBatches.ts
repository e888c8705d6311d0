import type { TrainSpec } from "../config/trainSpec.ts";
import type { Dataset } from "../data/dataset.ts";
import { bucketBatches, tokenLengths } from "../data/lengthBuckets.ts";
import { StillhouseError } from "../errors.ts";

/** The samples of one step. */
export interface Batch {
  readonly ids: Uint32Array;
  /** How many numbers of each sample are taken, from its start; absent: all. */
  readonly length?: number;
}

/** What a step is compiled for. */
export interface BatchShape {
  readonly rows: number;
  readonly length?: number;
}

/** Fewer samples than a batch, and partial batches are dropped: there is nothing to train on. */
export class NoWholeBatch extends StillhouseError {}

/**
 * The steps of an epoch. The last partial batch, of each length bucket, is trained at its true size. Another order of
 * the same samples gives as many batches, of the same shapes.
 * @param order sample ids
 * @throws NoWholeBatch, LongerThanBuckets
 */
export function planBatches(
  dataset: Pick<Dataset, "shards" | "inputShape">,
  order: Uint32Array,
  { batch, dropRemainder, lengthBuckets }: Pick<TrainSpec, "batch" | "dropRemainder" | "lengthBuckets">,
): Batch[] {
  const all: Batch[] = lengthBuckets
    ? bucketBatches(tokenLengths(dataset), order, batch, lengthBuckets.map(noLongerThan(dataset)))
    : Array.from({ length: Math.ceil(order.length / batch) }, (_, i) => ({
        ids: order.subarray(i * batch, (i + 1) * batch),
      }));
  const batches = dropRemainder ? all.filter(({ ids }) => ids.length === batch) : all;
  if (batches.length > 0) return batches;
  throw new NoWholeBatch(
    `Cannot train on ${order.length} samples in batches of ${batch} with dropRemainder: set batch to at most ${order.length}, or dropRemainder to false`,
    { fields: { samples: order.length, batch } },
  );
}

/** How many steps an epoch over the training split has. @throws as `planBatches` */
export function stepsOfEpoch(
  dataset: Pick<Dataset, "shards" | "inputShape" | "splits">,
  train: Parameters<typeof planBatches>[2],
): number {
  return planBatches(dataset, dataset.splits.train, train).length;
}

/** A bucket beyond the data's length would be filled with nothing but zeros there. */
function noLongerThan({ inputShape: [length = 0] }: Pick<Dataset, "inputShape">): (bucket: number) => number {
  return (bucket) => Math.min(bucket, length);
}

/** The shapes of batches, each once, in the order of their first use. */
export function shapesOf(batches: readonly Batch[]): BatchShape[] {
  const shapes = new Map<string, BatchShape>();
  for (const batch of batches) {
    const shape = shapeOf(batch);
    if (!shapes.has(shapeName(shape))) shapes.set(shapeName(shape), shape);
  }
  return [...shapes.values()];
}

export function shapeOf({ ids, length }: Batch): BatchShape {
  return length === undefined ? { rows: ids.length } : { rows: ids.length, length };
}

/** As "128", or "128 x 64" for 128 samples of 64 numbers. */
export function shapeName({ rows, length }: BatchShape): string {
  return length === undefined ? String(rows) : `${rows} x ${length}`;
}

/** Of a sample, as a batch of this shape takes it. */
export function sampleShape({ length }: BatchShape, inputShape: readonly number[]): readonly number[] {
  return length === undefined ? inputShape : [length];
}
