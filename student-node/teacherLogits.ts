import { type Dataset, shardOf } from "../shared/data/dataset.ts";
import { placeOf } from "../shared/data/samplePlace.ts";
import type { LabelStoreReader } from "../shared/labels/labelStoreReader.ts";

/** What reads labels that may lie in the log alone. */
export type ReadableLabels = Pick<LabelStoreReader, "read" | "has" | "inBlocks">;

/**
 * What one teacher said of the samples `ids`, whose labels are in the store's file or held.
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

/**
 * The same of samples whose labels may lie in the log alone, from where they are read again block by block.
 * @returns [ids.length, classes]
 */
export async function logitsByBlocks(
  labels: Pick<ReadableLabels, "read" | "inBlocks">,
  dataset: Dataset,
  teacher: number,
  ids: Uint32Array,
): Promise<Float32Array> {
  const out = new Float32Array(ids.length * dataset.classes);
  const samples = Array.from(ids, (id) => ({ shard: shardOf(id), place: placeOf(dataset, id) }));
  await labels.inBlocks(teacher, samples, (rows) => {
    for (const row of rows) {
      const { shard, place } = samples[row] as { shard: number; place: number };
      labels.read(teacher, shard, place, out, row);
    }
  });
  return out;
}

/** Those of all teachers, one after the other. @returns one a teacher, each [ids.length, classes] */
export async function logitsOfTeachers(
  labels: Pick<ReadableLabels, "read" | "inBlocks">,
  dataset: Dataset,
  teachers: number,
  ids: Uint32Array,
): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for (let k = 0; k < teachers; k++) all.push(await logitsByBlocks(labels, dataset, k, ids));
  return all;
}
