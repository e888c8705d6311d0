import { type Dataset, rowOf, sampleId, shardOf, splits } from "../../shared/data/dataset.ts";
import { npyText } from "../../shared/data/npyBytes.ts";
import type { NpzWriter } from "../../shared/data/npzWriter.ts";
import { gatherValues, taskOf } from "../../shared/data/targets.ts";
import { bytesOfFloats } from "../../shared/model/bytes.ts";

/**
 * Writes what an export tells of its samples beside their logits, in the order of their ids:
 * - `ids` int64 [samples]: 65,536 times the place of the shard, plus the row there, as an import reads them;
 * - `splits` int8 [samples]: 0 train, 1 validation, 2 test, -1 none of them (left out by the spec, in a chunk that is not);
 * - `labels` int64 [samples], -1 where there is none, or `targets` float32 [samples, outputs], NaN where not known;
 * - `view` int64 [1]: its number; absent: 0, the samples themselves;
 * - `meta` text [1]: JSON of what the labels are.
 * @param rows of each shard, ascending
 */
export function writeSampleArrays(
  writer: NpzWriter,
  dataset: Dataset,
  rows: readonly Uint32Array[],
  view: number,
  about: Readonly<Record<string, unknown>>,
): void {
  const ids = rows.flatMap((of, shard) => Array.from(of, (row) => sampleId(shard, row)));
  const samples = ids.length;
  const task = taskOf(dataset);
  const { classes, name, hash, targets } = dataset;
  const { type, bytes } = npyText(
    JSON.stringify({ ...about, data: { name, hash, task, classes }, splits: [...splits] }),
  );
  writer.add("meta", type, [1], bytes);
  if (view > 0) writer.add("view", "<i8", [1], int64s([view]));
  writer.add("ids", "<i8", [samples], int64s(ids));
  writer.add("splits", "|i1", [samples], splitsOf(dataset, ids));
  if (targets) {
    writer.add("targets", "<f4", [samples, classes], bytesOfFloats(gatherValues(targets, classes, ids)));
    return;
  }
  const labels = ids.map((id) => dataset.labels[shardOf(id)]?.[rowOf(id)] ?? -1);
  if (labels.some((label) => label >= 0)) writer.add("labels", "<i8", [samples], int64s(labels));
}

function int64s(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setBigInt64(8 * i, BigInt(value), true);
  });
  return bytes;
}

function splitsOf(dataset: Dataset, ids: readonly number[]): Uint8Array {
  const of = dataset.shards.map(({ rows }) => new Int8Array(rows).fill(-1));
  splits.forEach((split, code) => {
    for (const id of dataset.splits[split]) (of[shardOf(id)] as Int8Array)[rowOf(id)] = code;
  });
  return Uint8Array.from(ids, (id) => (of[shardOf(id)] as Int8Array)[rowOf(id)] as number);
}
