import type { Dataset } from "../../shared/data/dataset.ts";
import { sha256 } from "../../shared/determinism/hash.ts";
import { pack, unpack } from "../../shared/protocol/msgpack.ts";

/** What a simulated student is: a hash of all that it has learnt from, in order, and how often it saw what. */
export interface Lineage {
  readonly step: number;
  readonly hash: string;
  /** [epochs, training samples]: how often each sample was seen in each epoch. */
  readonly seen: Uint8Array;
}

export function emptyLineage(epochs: number, samples: number, name: string): Lineage {
  return { step: 0, hash: sha256(name), seen: new Uint8Array(epochs * samples) };
}

/** The same, one step on. @param logits that each teacher said of the samples, in their order */
export function learn(
  { step, hash, seen }: Lineage,
  places: ReadonlyMap<number, number>,
  epoch: number,
  ids: Uint32Array,
  logits: readonly Float32Array[],
): Lineage {
  const next = seen.slice();
  for (const id of ids) {
    const at = epoch * places.size + (places.get(id) as number);
    next[at] = (next[at] as number) + 1;
  }
  const said = logits.map((one) => new Uint8Array(one.buffer, one.byteOffset, one.byteLength));
  return { step: step + 1, hash: sha256(hash, String(step), ids.join(), ...said), seen: next };
}

/** The place of each training sample in the split. */
export function placesOf({ splits }: Pick<Dataset, "splits">): Map<number, number> {
  return new Map(Array.from(splits.train, (id, place) => [id, place]));
}

/** As a checkpoint, whose step `shared/cluster/checkpoints.ts` reads, and as an artifact. */
export function packLineage(state: Lineage): Uint8Array {
  return pack({ version: 1, state });
}

export function unpackLineage(bytes: Uint8Array): Lineage {
  return (unpack(bytes) as { state: Lineage }).state;
}
