import { chunkParts, chunkRows } from "../data/chunks.ts";
import type { FeatureLayout } from "../protocol/features.ts";
import type { StoredEncoding } from "../protocol/storedEncoding.ts";
import { rowBytes } from "./rowLayout.ts";

/** How a chunk of a shard is laid out in messages; a function of its key, computed alike by writer and reader. */
export interface ChunkLayout {
  /** Rows of the shard, in the chunk's order. */
  readonly rows: Uint32Array;
  /** Half-open ranges into `rows`, one a message. */
  readonly parts: readonly (readonly [number, number])[];
}

export function chunkLayout(of: {
  shard: { hash: string; rows: number };
  chunkSize: number;
  chunk: number;
  classes: number;
  encoding: StoredEncoding;
  features?: readonly FeatureLayout[];
}): ChunkLayout {
  const rows = chunkRows(of.shard.hash, of.shard.rows, of.chunkSize, of.chunk);
  return { rows, parts: chunkParts(rows.length, rowBytes({ features: [], ...of })) };
}
