import type { Dataset } from "../shared/data/dataset.ts";
import { cutLabels, cutShards } from "../shared/data/shards.ts";
import { idsOf } from "../shared/data/split.ts";
import { rng } from "../shared/determinism/rng.ts";
import type { Task } from "./task.ts";

/** Random samples of a task's shape: bytes of images, or rows of token ids that fill a quarter of the length or more. */
export function benchDataset({ arch, inputShape, classes, rows }: Task): Dataset {
  const stream = rng("bench", "dataset");
  const inputs =
    arch.arch === "transformer"
      ? tokenRows(rows, inputShape[0] as number, arch.vocabulary)
      : Uint8Array.from(
          { length: rows * inputShape.reduce((a, b) => a * b, 1) },
          () => stream.uint32() >>> 24,
        );
  const shards = cutShards({ rows, inputs, inputShape });
  const labels = Int32Array.from({ length: rows }, () => stream.below(classes));
  return {
    name: "bench",
    hash: "",
    inputShape,
    classes,
    inputScale: inputs instanceof Uint8Array ? 1 / 255 : 1,
    shards,
    labels: cutLabels(labels, shards),
    splits: { train: idsOf(shards), validation: new Uint32Array(), test: new Uint32Array() },
  };
}

/** The samples of a step; the last, smaller batch of a pass is left out. */
export function batchAt(order: Uint32Array, batch: number, step: number): Uint32Array {
  const from = (step % Math.floor(order.length / batch)) * batch;
  return order.subarray(from, from + batch);
}

/** All samples in random order. */
export function shuffledIds({ splits }: Dataset): Uint32Array {
  return rng("bench", "order").shuffle(splits.train.slice());
}

function tokenRows(rows: number, length: number, vocabulary: number): Float32Array {
  const stream = rng("bench", "tokens");
  const ids = new Float32Array(rows * length); // 0 is padding
  for (let row = 0; row < rows; row++) {
    const tokens = Math.floor(length / 4) + stream.below(length - Math.floor(length / 4) + 1);
    for (let i = 0; i < tokens; i++) ids[row * length + i] = 1 + stream.below(vocabulary - 1);
  }
  return ids;
}
