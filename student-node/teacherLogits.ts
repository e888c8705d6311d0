import { inversePermutation } from "../shared/data/chunks.ts";
import { type Dataset, rowOf, type Shard, shardOf } from "../shared/data/dataset.ts";
import type { LabelStoreReader } from "../shared/labels/labelStore.ts";

/**
 * What each teacher said of the samples `ids`.
 * @returns one array a teacher, in the order of the spec, each [ids.length, classes]
 */
export function teacherLogits(
  labels: LabelStoreReader,
  dataset: Dataset,
  teachers: number,
  ids: Uint32Array,
): Float32Array[] {
  const places = dataset.shards.map((shard: Shard) => inversePermutation(shard.hash, shard.rows));
  return Array.from({ length: teachers }, (_, teacher) => {
    const out = new Float32Array(ids.length * dataset.classes);
    ids.forEach((id, row) => {
      const shard = shardOf(id);
      labels.read(teacher, shard, places[shard]?.[rowOf(id)] as number, out, row);
    });
    return out;
  });
}
