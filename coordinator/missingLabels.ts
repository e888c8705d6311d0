import type { WriteOnceLog } from "../shared/bus/bus.ts";
import { chunkLength, chunkParts } from "../shared/data/chunks.ts";
import type { Dataset, Shard } from "../shared/data/dataset.ts";
import { labelOrder } from "../shared/data/labelOrder.ts";
import { rowBytes } from "../shared/labels/rowLayout.ts";
import type { FeatureLayout } from "../shared/protocol/features.ts";
import type { StoredEncoding } from "../shared/protocol/storedEncoding.ts";
import {
  BLOCK_CHUNKS,
  blockLabelsFilter,
  type ChunkKey,
  labelsSubject,
} from "../shared/protocol/subjects.ts";

/** A chunk that one teacher is to label, and the subjects of its parts that the log lacks. */
export interface MissingChunk {
  readonly key: ChunkKey;
  readonly parts: Map<string, number>;
  /** Of labels, in all parts. */
  readonly bytes: number;
}

/** What a teacher's labels lie under, how they are stored, and what they carry beside logits. */
export interface Labelling {
  readonly labelling: string;
  readonly encoding: StoredEncoding;
  readonly features?: readonly FeatureLayout[];
}

/** Samples of a run's teacher passes that the log lacks, chunk by chunk, and how many it needs in all. */
export interface MissingLabels {
  /** In the order of labelling: all teachers' first chunk, then their second. Empty chunks are left out. */
  readonly chunks: MissingChunk[];
  readonly samplesNeeded: number;
  readonly samplesMissing: number;
}

/**
 * Holds what a run needs against what the log has, one block of chunks at a time.
 * @param views hashes of the views that are labelled, view 0 first
 */
export async function findMissing(
  log: WriteOnceLog,
  dataset: Dataset,
  { chunkSize }: { readonly chunkSize: number },
  views: readonly string[],
  labellings: readonly Labelling[],
): Promise<MissingLabels> {
  const blocks = new Map<string, Set<string>>();
  const listed = async (key: ChunkKey): Promise<Set<string>> => {
    const filter = blockLabelsFilter(key, Math.floor(key.chunk / BLOCK_CHUNKS));
    const known = blocks.get(filter) ?? new Set(await log.subjects(filter));
    blocks.set(filter, known);
    return known;
  };
  const chunks: MissingChunk[] = [];
  const met = new Set<string>();
  let samplesNeeded = 0;
  let samplesMissing = 0;
  for (const { view, shard, chunk } of labelOrder(dataset, chunkSize, views.length)) {
    const { hash, rows } = dataset.shards[shard] as Shard;
    const length = chunkLength(rows, chunkSize, chunk);
    for (const { labelling, encoding, features = [] } of labellings) {
      const bytesPerRow = rowBytes({ encoding, classes: dataset.classes, features });
      const parted = chunkParts(length, bytesPerRow);
      const key: ChunkKey = { labelling, shard: hash, view: views[view] as string, chunk };
      // Two shards of equal content, or two teachers of equal weights, share their labels.
      if (met.has(labelsSubject(key, 0))) continue;
      met.add(labelsSubject(key, 0));
      const there = await listed(key);
      const parts = new Map<string, number>();
      parted.forEach(([from, to], part) => {
        const subject = labelsSubject(key, part);
        if (!there.has(subject)) parts.set(subject, to - from);
      });
      samplesNeeded += length;
      if (parts.size === 0) continue;
      samplesMissing += [...parts.values()].reduce((a, b) => a + b, 0);
      chunks.push({ key, parts, bytes: length * bytesPerRow });
    }
  }
  return { chunks, samplesNeeded, samplesMissing };
}
