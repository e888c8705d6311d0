import { inversePermutation } from "../shared/data/chunks.ts";
import { type Dataset, rowOf, type Shard, shardOf } from "../shared/data/dataset.ts";
import type { LabelStoreReader } from "../shared/labels/labelStore.ts";

/**
 * What one teacher said of the samples `ids`.
 * @param teacher its place in the spec
 * @returns [ids.length, classes]
 */
export function teacherLogits(
  labels: Pick<LabelStoreReader, "read">,
  dataset: Dataset,
  teacher: number,
  ids: Uint32Array,
): Float32Array {
  const places = dataset.shards.map((shard: Shard) => inversePermutation(shard.hash, shard.rows));
  const out = new Float32Array(ids.length * dataset.classes);
  ids.forEach((id, row) => {
    const shard = shardOf(id);
    labels.read(teacher, shard, places[shard]?.[rowOf(id)] as number, out, row);
  });
  return out;
}
