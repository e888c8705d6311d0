import { chunkCount } from "../../shared/data/chunks.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { encodeLogits } from "../../shared/labels/encoding.ts";
import { LabelStoreReader } from "../../shared/labels/labelStoreReader.ts";
import { LabelStoreWriter } from "../../shared/labels/labelStoreWriter.ts";
import { chunkLayout } from "../../shared/labels/layout.ts";
import { PLAIN_READING } from "../../shared/labels/reading.ts";

export const CHUNK_SIZE = 512;

/** Random labels of every teacher in a label store, in half precision, as a student keeps what it has read. */
export function openBenchLabels(
  { shards, classes }: Dataset,
  teachers: number,
): { reader: LabelStoreReader; close(): void } {
  const writer = new LabelStoreWriter();
  const reader = new LabelStoreReader(writer.path, {
    encodings: Array.from({ length: teachers }, () => ({ stored: "half" as const, ...PLAIN_READING })),
    classes,
    chunkSize: CHUNK_SIZE,
    cacheBytes: 256 * 2 ** 20,
  });
  const stream = rng("bench", "labels");
  for (let teacher = 0; teacher < teachers; teacher++) {
    for (const [s, shard] of shards.entries()) {
      for (let chunk = 0; chunk < chunkCount(shard.rows, CHUNK_SIZE); chunk++) {
        const { parts } = chunkLayout({ shard, chunkSize: CHUNK_SIZE, chunk, classes, encoding: "half" });
        for (const [from, to] of parts) {
          const logits = Float32Array.from({ length: (to - from) * classes }, () => 3 * stream.normal());
          const payload = encodeLogits("half", logits, classes, "the benchmark");
          reader.add(writer.append({ teacher, view: 0, shard: s, chunk, from, rows: to - from }, payload));
        }
      }
    }
  }
  const close = (): void => {
    reader.close();
    writer.close();
  };
  return { reader, close };
}
