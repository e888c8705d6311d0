import type { Dataset, Shard } from "../shared/data/dataset.ts";
import { type ChunkLayout, chunkLayout } from "../shared/labels/layout.ts";
import { type RowLayout, rowBytes } from "../shared/labels/rowLayout.ts";
import type { FeatureLayout } from "../shared/protocol/features.ts";
import type { StoredEncoding } from "../shared/protocol/storedEncoding.ts";

interface LabelledBy {
  readonly dataset: Dataset;
  readonly chunkSize: number;
  /** Of each teacher, how its logits are stored. */
  readonly encodings: readonly StoredEncoding[];
  /** Of each, what its rows hold beside logits. */
  readonly features: readonly (readonly FeatureLayout[])[];
}

/** How the labels of a run lie in its messages: those of each teacher, chunk by chunk. */
export class LabelLayouts {
  readonly #of: LabelledBy;
  readonly #chunks = new Map<string, ChunkLayout>();

  constructor(of: LabelledBy) {
    this.#of = of;
  }

  row(teacher: number): RowLayout {
    const { dataset, encodings, features } = this.#of;
    return {
      encoding: encodings[teacher] as StoredEncoding,
      classes: dataset.classes,
      features: features[teacher] ?? [],
    };
  }

  chunk(teacher: number, shard: number, chunk: number): ChunkLayout {
    // Teachers whose rows take as many bytes have the same parts.
    const row = this.row(teacher);
    const key = `${rowBytes(row)}/${shard}/${chunk}`;
    const known = this.#chunks.get(key);
    if (known) return known;
    const { dataset, chunkSize } = this.#of;
    const layout = chunkLayout({ shard: dataset.shards[shard] as Shard, chunkSize, chunk, ...row });
    this.#chunks.set(key, layout);
    return layout;
  }
}
