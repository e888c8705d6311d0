import { type Dataset, shardOf } from "../shared/data/dataset.ts";
import { placeOf } from "../shared/data/samplePlace.ts";
import type { LabelStoreReader } from "../shared/labels/labelStoreReader.ts";

/**
 * What one teacher said of the samples `ids`.
 * @param teacher its place in the spec
 * @param temperature at which the softmax of the logits is what it said
 * @returns [ids.length, classes]
 */
export function teacherLogits(
  labels: Pick<LabelStoreReader, "read">,
  dataset: Dataset,
  teacher: number,
  ids: Uint32Array,
  temperature = 1,
): Float32Array {
  const out = new Float32Array(ids.length * dataset.classes);
  ids.forEach((id, row) => {
    labels.read(teacher, shardOf(id), placeOf(dataset, id), out, row, temperature);
  });
  return out;
}
