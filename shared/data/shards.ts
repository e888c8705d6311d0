import { sha256 } from "../determinism/hash.ts";
import { MAX_SHARD_ROWS, type Shard } from "./dataset.ts";
import type { Source } from "./source.ts";

/**
 * Cuts the inputs of a source into shards, in the order of its rows. A shard that is full keeps its hash when rows
 * are appended to the source; the last one, if it is not full, becomes another.
 * @param maxRows rows of every shard but the last
 * @returns shards over memory that worker threads share
 */
export function cutShards(
  source: Pick<Source, "rows" | "inputs" | "inputShape">,
  maxRows = MAX_SHARD_ROWS,
): Shard[] {
  const width = source.inputShape.reduce((product, size) => product * size, 1);
  const shards: Shard[] = [];
  for (let from = 0; from < source.rows; from += maxRows) {
    const rows = Math.min(maxRows, source.rows - from);
    const slice = source.inputs.subarray(from * width, (from + rows) * width);
    shards.push({ hash: shardHash(slice, source.inputShape), rows, inputs: shared(slice) });
  }
  return shards;
}

/** Cuts labels where `shards` are cut: one array a shard, over shared memory. */
export function cutLabels(
  labels: Source["labels"],
  shards: readonly Pick<Shard, "rows">[],
): Int32Array<SharedArrayBuffer>[] {
  let from = 0;
  return shards.map(({ rows }) => {
    const cut = new Int32Array(new SharedArrayBuffer(4 * rows));
    cut.set(labels.subarray(from, from + rows));
    from += rows;
    return cut;
  });
}

/** The identity of a block of inputs: their type, the shape of one and all values, and nothing else. */
function shardHash(inputs: Uint8Array | Float32Array, inputShape: readonly number[]): string {
  const type = inputs instanceof Uint8Array ? "uint8" : "float32";
  const bytes = new Uint8Array(inputs.buffer, inputs.byteOffset, inputs.byteLength);
  return sha256(`${type} [${inputShape.join(",")}]\n`, bytes).slice(0, 32);
}

function shared(values: Uint8Array | Float32Array): Uint8Array | Float32Array {
  const buffer = new SharedArrayBuffer(values.byteLength);
  const copy = values instanceof Uint8Array ? new Uint8Array(buffer) : new Float32Array(buffer);
  copy.set(values);
  return copy;
}
