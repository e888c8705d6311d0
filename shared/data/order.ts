import { type Rng, rng } from "../determinism/rng.ts";
import { chunkCount, chunkOf, chunkRows, inversePermutation } from "./chunks.ts";
import { type Dataset, rowOf, type Shard, sampleId, shardOf, splits } from "./dataset.ts";

/** A chunk of a dataset: the place of its shard, and its number there. */
export interface ChunkRef {
  readonly shard: number;
  readonly chunk: number;
}

/** What an order depends on; a `Dataset` is one. */
export type Ordered = Pick<Dataset, "splits"> & {
  readonly shards: readonly Pick<Shard, "hash" | "rows">[];
};

/**
 * Every chunk that holds a selected sample of any split, in the order of labelling: shards with training samples
 * first, chunk by chunk, then the others. Chunks without a selected sample (`limit`) are left out.
 */
export function dispatchOrder(dataset: Ordered, chunkSize: number): ChunkRef[] {
  const training = new Set<number>();
  for (const id of dataset.splits.train) training.add(shardOf(id));
  const selected = splits.map((split) => dataset.splits[split]);
  const samples = selected.reduce((sum, { length }) => sum + length, 0);
  const rows = dataset.shards.reduce((sum, shard) => sum + shard.rows, 0);
  // A sample is in one split: where all are selected nothing has to be looked for.
  const chunks = samples === rows ? allChunks(dataset, chunkSize) : chunksOf(dataset, chunkSize, ...selected);
  return [
    ...chunks.filter(({ shard }) => training.has(shard)),
    ...chunks.filter(({ shard }) => !training.has(shard)),
  ];
}

/** Every chunk that holds a training sample, in the order of `dispatchOrder`, of which this is a part. */
export function trainChunks(dataset: Ordered, chunkSize: number): ChunkRef[] {
  return chunksOf(dataset, chunkSize, dataset.splits.train);
}

/** The ids of the training split, each once, in the order in which they are labelled. */
export function dispatchedTrainIds(dataset: Ordered, chunkSize: number): Uint32Array {
  const selected = new Set(dataset.splits.train);
  const order = new Uint32Array(dataset.splits.train.length);
  let at = 0;
  for (const { shard, chunk } of trainChunks(dataset, chunkSize)) {
    const { hash, rows } = dataset.shards[shard] as Pick<Shard, "hash" | "rows">;
    for (const row of chunkRows(hash, rows, chunkSize, chunk)) {
      const id = sampleId(shard, row);
      if (selected.has(id)) order[at++] = id;
    }
  }
  return order;
}

export interface EpochOrderOptions {
  /** What the shuffles derive from, such as [run seed, student seed]. */
  readonly seed: readonly (string | number)[];
  /** Counted from 0. */
  readonly epoch: number;
  readonly dataset: Ordered;
  readonly chunkSize: number;
  /** Chunks in the window within which epoch 0 is shuffled. */
  readonly shuffleChunks: number;
  /** Of later epochs: over all samples, which is the default, or inside windows of chunks drawn in any order. */
  readonly shuffle?: "all" | "windows";
}

/**
 * The order in which a student sees the training samples. Epoch 0 follows the chunks and is shuffled only inside
 * windows of `shuffleChunks` of them, so that training starts long before labelling ends; later epochs are shuffled
 * as a whole, or, with `shuffle: "windows"`, inside windows too, of chunks in an order of their own.
 * @returns the ids of the training split, each once
 */
export function epochOrder(options: EpochOrderOptions): Uint32Array {
  const { dataset, epoch, chunkSize, shuffleChunks } = options;
  const [first, ...rest] = options.seed;
  if (first === undefined) throw new RangeError("Cannot order an epoch without a seed: the list is empty");
  const stream = rng(first, ...rest, "order", epoch);
  const windowed = options.shuffle === "windows";
  if (epoch > 0 && !windowed) return stream.shuffle(Uint32Array.from(dataset.splits.train));

  const selected = new Set(dataset.splits.train);
  const order = new Uint32Array(dataset.splits.train.length);
  let at = 0;
  let windowStart = 0;
  const chunks = trainChunks(dataset, chunkSize);
  if (epoch > 0) shuffleList(chunks, rng(first, ...rest, "chunks", epoch));
  chunks.forEach(({ shard, chunk }, index) => {
    if (index % shuffleChunks === 0) {
      stream.shuffle(order.subarray(windowStart, at));
      windowStart = at;
    }
    const { hash, rows } = dataset.shards[shard] as Pick<Shard, "hash" | "rows">;
    for (const row of chunkRows(hash, rows, chunkSize, chunk)) {
      const id = sampleId(shard, row);
      if (selected.has(id)) order[at++] = id;
    }
  });
  stream.shuffle(order.subarray(windowStart, at));
  return order;
}

function shuffleList<T>(list: T[], stream: Rng): void {
  const order = stream.shuffle(Uint32Array.from(list.keys()));
  const before = [...list];
  order.forEach((from, to) => {
    list[to] = before[from] as T;
  });
}

/**
 * How many chunks must be labelled before a student can take each batch.
 * @param options.batches sample ids of each batch
 * @returns [batches]; value b: batches 0 to b need the first so many of `trainChunks`, and no others
 */
export function chunksNeeded(options: {
  readonly dataset: Ordered;
  readonly chunkSize: number;
  readonly batches: readonly Uint32Array[];
}): Uint32Array {
  const { dataset, chunkSize, batches } = options;
  const places = new Map(
    trainChunks(dataset, chunkSize).map(({ shard, chunk }, place) => [sampleId(shard, chunk), place]),
  );
  let most = 0;
  return Uint32Array.from(batches, (ids) => {
    for (const id of ids) {
      const place = places.get(sampleId(shardOf(id), chunkOfId(dataset, chunkSize, id)));
      if (place === undefined)
        throw new RangeError(`Cannot order sample ${id}: it is not in the training split`);
      most = Math.max(most, place + 1);
    }
    return most;
  });
}

function allChunks({ shards }: Ordered, chunkSize: number): ChunkRef[] {
  return shards.flatMap(({ rows }, shard) =>
    Array.from({ length: chunkCount(rows, chunkSize) }, (_, chunk) => ({ shard, chunk })),
  );
}

/** The chunks that hold the given samples, in the order of shards and chunks. */
function chunksOf(dataset: Ordered, chunkSize: number, ...ids: readonly Uint32Array[]): ChunkRef[] {
  const shards = dataset.shards.map(({ hash, rows }) => ({
    places: inversePermutation(hash, rows),
    held: new Uint8Array(chunkCount(rows, chunkSize)),
  }));
  for (const some of ids) {
    for (const id of some) {
      const shard = shards[shardOf(id)];
      const place = shard?.places[rowOf(id)];
      if (shard === undefined || place === undefined) chunkOfId(dataset, chunkSize, id);
      else shard.held[Math.floor(place / chunkSize)] = 1;
    }
  }
  return shards.flatMap(({ held }, shard) =>
    [...held.keys()].filter((chunk) => held[chunk] === 1).map((chunk) => ({ shard, chunk })),
  );
}

/** @throws RangeError for a sample that the dataset does not have */
function chunkOfId(dataset: Ordered, chunkSize: number, id: number): number {
  const shard = dataset.shards[shardOf(id)];
  if (shard === undefined) {
    throw new RangeError(
      `Cannot find the chunk of sample ${id}: the dataset has ${dataset.shards.length} shards`,
    );
  }
  return chunkOf(shard.hash, shard.rows, chunkSize, rowOf(id));
}
