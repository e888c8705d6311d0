import { describe, expect, it } from "vitest";
import { chunkOf, chunkRows } from "../../shared/data/chunks.ts";
import { rowOf, sampleId, shardOf } from "../../shared/data/dataset.ts";
import {
  chunksNeeded,
  dispatchedTrainIds,
  dispatchOrder,
  epochOrder,
  type Ordered,
  trainChunks,
} from "../../shared/data/order.ts";

const idsOf = (shard: number, rows: number, keep: (row: number) => boolean = () => true): number[] =>
  Array.from({ length: rows }, (_, row) => row)
    .filter(keep)
    .map((row) => sampleId(shard, row));

/** Two shards to train on, every fifth row held out, and one to test on. */
const dataset: Ordered = {
  shards: [
    { hash: "first", rows: 90 },
    { hash: "second", rows: 35 },
    { hash: "test", rows: 25 },
  ],
  splits: {
    train: Uint32Array.from([...idsOf(0, 90, (row) => row % 5 > 0), ...idsOf(1, 35, (row) => row % 5 > 0)]),
    validation: Uint32Array.from([
      ...idsOf(0, 90, (row) => row % 5 === 0),
      ...idsOf(1, 35, (row) => row % 5 === 0),
    ]),
    test: Uint32Array.from(idsOf(2, 25)),
  },
};
const chunkSize = 10;
const order = (epoch: number, seed: readonly (string | number)[] = [0, 1], shuffleChunks = 3): Uint32Array =>
  epochOrder({ seed, epoch, dataset, chunkSize, shuffleChunks });
const placeOf = (id: number): number => {
  const { hash, rows } = dataset.shards[shardOf(id)] ?? { hash: "", rows: 0 };
  const chunk = chunkOf(hash, rows, chunkSize, rowOf(id));
  return trainChunks(dataset, chunkSize).findIndex((ref) => ref.shard === shardOf(id) && ref.chunk === chunk);
};

describe("the order in which training samples are labelled", () => {
  it("has each once, chunk by chunk, and is not that of the ids", () => {
    const ids = [...dispatchedTrainIds(dataset, chunkSize)];
    expect(ids.toSorted((a, b) => a - b)).toEqual([...dataset.splits.train]);
    expect(ids).not.toEqual([...dataset.splits.train]);
    expect(ids.map(placeOf)).toEqual(ids.map(placeOf).toSorted((a, b) => a - b));
  });
});

describe("the order of an epoch", () => {
  it("has every training sample once, in the first epoch and later", () => {
    for (const epoch of [0, 1, 2])
      expect([...order(epoch)].sort((a, b) => a - b)).toEqual([...dataset.splits.train]);
  });

  it("depends on seed and epoch, and on nothing else", () => {
    expect(order(1)).toEqual(order(1));
    expect(order(0)).toEqual(order(0));
    expect(order(1)).not.toEqual(order(2));
    expect(order(1)).not.toEqual(order(1, [0, 2]));
    expect(order(0)).not.toEqual(order(0, [0, 2]));
    expect(() => order(0, [])).toThrow(/without a seed/);
  });

  it("stays inside windows of `shuffleChunks` chunks in the first epoch", () => {
    const windows = [...order(0)].map((id) => Math.floor(placeOf(id) / 3));
    expect(windows).toEqual([...windows].sort((a, b) => a - b));
    // Shuffled inside: the chunks of the first window are not one after another.
    const first = [...order(0)].filter((_, i) => windows[i] === 0).map(placeOf);
    expect(first).not.toEqual([...first].sort((a, b) => a - b));
  });

  it("stays inside windows later too where that is asked for, of chunks in an order that each epoch draws anew", () => {
    const windowed = (epoch: number, shuffle: "all" | "windows" = "windows"): number[] => [
      ...epochOrder({ seed: [0, 1], epoch, dataset, chunkSize, shuffleChunks: 1, shuffle }),
    ];
    const visits = (epoch: number): number[] => {
      const places = windowed(epoch).map(placeOf);
      return places.filter((place, i) => place !== places[i - 1]);
    };
    const chunks = trainChunks(dataset, chunkSize).map((_, place) => place);
    for (const epoch of [1, 2]) {
      // A chunk is left once: all its samples come together.
      expect([...visits(epoch)].sort((a, b) => a - b)).toEqual(chunks);
      expect(visits(epoch)).not.toEqual(chunks);
      expect([...windowed(epoch)].sort((a, b) => a - b)).toEqual([...dataset.splits.train]);
    }
    expect(visits(1)).not.toEqual(visits(2));
    expect(windowed(0)).toEqual(windowed(0, "all"));
  });

  it("follows the windows for every seed, so the same chunks come first", () => {
    const firstWindow = (seed: number): number[] => {
      const ids = [...order(0, [0, seed])].filter((id) => placeOf(id) < 3);
      return ids.sort((a, b) => a - b);
    };
    expect(firstWindow(1)).toEqual(firstWindow(2));
  });
});

describe("the chunks that a batch needs", () => {
  it("are the first ones that hold all samples so far, and no more", () => {
    const ids = order(0);
    const batch = 7;
    const batches = Array.from({ length: Math.ceil(ids.length / batch) }, (_, b) =>
      ids.slice(b * batch, (b + 1) * batch),
    );
    const needed = chunksNeeded({ dataset, chunkSize, batches });
    expect(needed.length).toBe(Math.ceil(ids.length / batch));
    needed.forEach((count, b) => {
      const soFar = [...ids.slice(0, (b + 1) * batch)];
      expect(count).toBe(Math.max(...soFar.map(placeOf)) + 1);
    });
    // The first batch needs no chunk beyond its window; the last needs all.
    expect(needed[0]).toBeLessThanOrEqual(3);
    expect(needed.at(-1)).toBe(trainChunks(dataset, chunkSize).length);
  });

  it("are refused for a sample that is not to be trained on", () => {
    const limited = { ...dataset, splits: { ...dataset.splits, train: Uint32Array.of(0) } };
    const foreign = Uint32Array.from(dataset.splits.test.slice(0, 1));
    expect(() => chunksNeeded({ dataset: limited, chunkSize, batches: [foreign] })).toThrow(/not in the/);
  });
});

describe("the order of dispatch", () => {
  it("has the chunks of the shards to train on first, then those to test on", () => {
    const refs = (shard: number, chunks: number): { shard: number; chunk: number }[] =>
      Array.from({ length: chunks }, (_, chunk) => ({ shard, chunk }));
    expect(dispatchOrder(dataset, chunkSize)).toEqual([...refs(0, 9), ...refs(1, 4), ...refs(2, 3)]);
  });

  it("leaves out chunks without a selected sample", () => {
    const rows = [...chunkRows("first", 90, chunkSize, 4)];
    const [a = 0, b = 0] = rows.map((row) => sampleId(0, row));
    const validation = chunkRows("first", 90, chunkSize, 2).slice(0, 1);
    const limited = {
      ...dataset,
      splits: { train: Uint32Array.of(a, b), validation, test: Uint32Array.of(sampleId(2, 0)) },
    };
    expect(trainChunks(limited, chunkSize)).toEqual([{ shard: 0, chunk: 4 }]);
    const test = { shard: 2, chunk: chunkOf("test", 25, chunkSize, 0) };
    expect(dispatchOrder(limited, chunkSize)).toEqual([{ shard: 0, chunk: 2 }, { shard: 0, chunk: 4 }, test]);
  });
});
