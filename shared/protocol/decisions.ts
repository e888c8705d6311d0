import { z } from "zod";
import { Hash, RunId } from "./identifiers.ts";

/**
 * Coordinator -> student nodes (KV, key = run.shard.view.chunk, written once), of a run with a quorum: a chunk is closed,
 * and whose labels of it every student uses. Labels that come later stay in the log, for other runs.
 */
export const ChunkDecision = z.strictObject({
  type: z.literal("chunk-decision"),
  run: RunId,
  /** Of the coordinator that decided. */
  fence: z.int().nonnegative(),
  shard: Hash,
  view: Hash,
  chunk: z.int().nonnegative(),
  /** Places of the teachers in the run's record, ascending; fewer than the quorum: the chunk has no targets. */
  present: z.array(z.int().nonnegative()),
  /** Whether all had answered, or the others were late, or left out. */
  by: z.enum(["all", "deadline"]),
  decidedAtMs: z.number(),
});
export type ChunkDecision = z.infer<typeof ChunkDecision>;
