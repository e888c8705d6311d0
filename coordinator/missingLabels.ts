import type { WriteOnceLog } from "../shared/bus/bus.ts";
import { chunkLength, chunkParts } from "../shared/data/chunks.ts";
import type { Dataset, Shard } from "../shared/data/dataset.ts";
import { labelOrder } from "../shared/data/labelOrder.ts";
import { rowBytes } from "../shared/labels/rowLayout.ts";
import type { FeatureLayout } from "../shared/protocol/features.ts";
import type { StoredEncoding } from "../shared/protocol/storedEncoding.ts";
import { type ChunkKey, labelsSubject } from "../shared/protocol/subjects.ts";
import { readLoggedParts } from "./loggedParts.ts";

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
 * Holds what a run needs against what the log has.
 * @param views hashes of the views that are labelled, view 0 first
 * @throws the reason of `signal` when it aborts
 */
export async function findMissing(
  log: WriteOnceLog,
  dataset: Dataset,
  { chunkSize }: { readonly chunkSize: number },
  views: readonly string[],
  labellings: readonly Labelling[],
  signal: AbortSignal,
): Promise<MissingLabels> {
  // Shards or views of equal content, or teachers of equal weights, share their labels.
  const repeats = [dataset.shards.map(({ hash }) => hash), views].some((of) => new Set(of).size < of.length);
  const met = new Set<string>();
  const distinct = [...new Map(labellings.map((one) => [one.labelling, one])).values()];
  const names = distinct.map(({ labelling }) => labelling);
  const there = await readLoggedParts(log, names, views, signal);
  const chunks: MissingChunk[] = [];
  let samplesNeeded = 0;
  let samplesMissing = 0;
  for (const { view, shard, chunk } of labelOrder(dataset, chunkSize, views.length)) {
    const { hash, rows } = dataset.shards[shard] as Shard;
    const viewHash = views[view] as string;
    const name = `${hash}/${viewHash}/${chunk}`;
    if (met.has(name)) continue;
    // Names of millions of chunks are not kept for nothing.
    if (repeats) met.add(name);
    const length = chunkLength(rows, chunkSize, chunk);
    for (const { labelling, encoding, features = [] } of distinct) {
      const bytesPerRow = rowBytes({ encoding, classes: dataset.classes, features });
      const parted = chunkParts(length, bytesPerRow);
      const key: ChunkKey = { labelling, shard: hash, view: viewHash, chunk };
      const parts = new Map<string, number>();
      parted.forEach(([from, to], part) => {
        if (!there.has(key, part)) parts.set(labelsSubject(key, part), to - from);
      });
      samplesNeeded += length;
      if (parts.size === 0) continue;
      samplesMissing += [...parts.values()].reduce((a, b) => a + b, 0);
      chunks.push({ key, parts, bytes: length * bytesPerRow });
    }
  }
  return { chunks, samplesNeeded, samplesMissing };
}
