import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { type Batch, NoWholeBatch, planBatches, shapesOf } from "../../shared/compute/planBatches.ts";
import { OptimizerSpec } from "../../shared/config/trainSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { gatherInputs } from "../../shared/data/gather.ts";
import { LongerThanBuckets } from "../../shared/data/lengthBuckets.ts";
import { cutLabels, cutShards } from "../../shared/data/shards.ts";
import { idsOf } from "../../shared/data/split.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { settings, small, smallTraining } from "../helpers/trainers.ts";

/** Rows of up to 6 tokens: of 2 in two of three, of 6 in the others. */
const ROWS = 45;
const stream = rng("texts");
const lengths = Array.from({ length: ROWS }, (_, i) => (i % 3 === 0 ? 6 : 2));
const labels = Int32Array.from(lengths, () => stream.below(3));
const inputs = Float32Array.from({ length: ROWS * 6 }, (_, i) => {
  const row = Math.floor(i / 6);
  return i % 6 >= (lengths[row] as number)
    ? 0
    : i % 6 === 0
      ? 1 + (labels[row] as number)
      : 4 + stream.below(7);
});
const shards = cutShards({ rows: ROWS, inputs, inputShape: [6] });
const dataset: Dataset = {
  name: "texts",
  hash: "texts",
  inputShape: [6],
  classes: 3,
  inputScale: 1,
  shards,
  labels: cutLabels(labels, shards),
  splits: { train: idsOf(shards), validation: new Uint32Array(), test: new Uint32Array() },
};
const train = { batch: 8, dropRemainder: false, lengthBuckets: [3, 6] };
const order = dataset.splits.train;

describe("an epoch in length buckets", () => {
  it("takes every sample once, in steps whose samples share a length, the rest at its true size", () => {
    const batches = planBatches(dataset, order, train);
    expect(batches.flatMap(({ ids }) => [...ids]).sort((a, b) => a - b)).toEqual([...order]);
    for (const { ids, length } of batches) {
      for (const id of ids) expect((lengths[id] as number) > 3 ? 6 : 3).toBe(length);
    }
    // 30 short samples and 15 long ones.
    expect(shapesOf(batches)).toEqual([
      { rows: 8, length: 3 },
      { rows: 8, length: 6 },
      { rows: 6, length: 3 },
      { rows: 7, length: 6 },
    ]);
    expect(shapesOf(planBatches(dataset, rng("other").shuffle(order.slice()), train))).toHaveLength(4);
  });

  it("leaves partial batches out with dropRemainder, and says when there is no other", () => {
    const dropped = planBatches(dataset, order, { ...train, dropRemainder: true });
    expect(shapesOf(dropped)).toEqual([
      { rows: 8, length: 3 },
      { rows: 8, length: 6 },
    ]);
    expect(() => planBatches(dataset, order, { ...train, batch: 64, dropRemainder: true })).toThrow(
      NoWholeBatch,
    );
  });

  it("refuses data with longer samples than the largest bucket, and cuts a bucket to the data's length", () => {
    expect(() => planBatches(dataset, order, { ...train, lengthBuckets: [4] })).toThrow(LongerThanBuckets);
    const wide = planBatches(dataset, order, { ...train, lengthBuckets: [3, 100] });
    expect(Math.max(...wide.map(({ length }) => length ?? 0))).toBe(6);
  });

  it("gathers the first tokens of each row", () => {
    const ids = Uint32Array.of(1, 2);
    const whole = gatherInputs(dataset, ids);
    const cut = gatherInputs(dataset, ids, undefined, 3);
    expect([...cut]).toEqual([...whole.slice(0, 3), ...whole.slice(6, 9)]);
  });
});

describe("a training in length buckets", () => {
  beforeAll(() => chooseBackend({ prefer: "cpu" }));

  const batches: Batch[] = planBatches(dataset, order, train);
  const losses = async (backend: "cpu" | "compiled", all: Batch[]): Promise<number[]> => {
    const { trainer, close } = await smallTraining("transformer", settings(backend), {
      dataset,
      batchShapes: shapesOf(all),
      totalSteps: 4 * all.length,
    });
    const seen: number[] = [];
    for (let step = 0; step < 4 * all.length; step++) {
      seen.push(await trainer.step(step, all[step % all.length] as Batch));
    }
    await close();
    return seen;
  };

  it("compiled has the losses of TensorFlow.js in every shape, and they fall", async () => {
    const [eager, compiled] = [await losses("cpu", batches), await losses("compiled", batches)];
    for (const [step, loss] of eager.entries()) {
      expect(Math.abs((compiled[step] as number) - loss)).toBeLessThan(1e-4);
    }
    const epoch = batches.length;
    const sum = (part: number[]): number => part.reduce((a, b) => a + b);
    expect(sum(compiled.slice(-epoch))).toBeLessThan(sum(compiled.slice(0, epoch)));
  });

  it("on rows that are cut to their bucket has the loss of whole rows, as padding takes no part", async () => {
    const first = batches[0] as Batch;
    const arch = { ...small.transformer.arch, dropout: 0 };
    const { trainer, close } = await smallTraining("transformer", settings("compiled"), {
      arch,
      dataset,
      optimizer: OptimizerSpec.parse({ kind: "sgd", lr: 1e-30 }),
      batchShapes: [{ rows: 8, length: 3 }, { rows: 8 }],
    });
    const [cut, whole] = [await trainer.step(0, first), await trainer.step(1, { ids: first.ids })];
    expect(first.length).toBe(3);
    expect(Math.abs(cut - whole)).toBeLessThan(1e-6);
    await close();
  });
});
