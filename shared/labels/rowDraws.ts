import { type Rng, rng } from "../determinism/rng.ts";
import type { ChunkKey } from "../protocol/subjects.ts";

/**
 * The random numbers of each row that is labelled: of what is said and of which sample alone, so that whoever labels it, and
 * however often, draws the same.
 * @param rows of the shard
 */
export function rowDraws(
  { labelling, shard, view }: Pick<ChunkKey, "labelling" | "shard" | "view">,
  rows: Uint32Array,
): (row: number) => Rng {
  return (row) => rng(labelling, "draws", shard, view, rows[row] as number);
}
