import { z } from "zod";
import { FeatureLayout } from "./features.ts";
import { Bytes, Hash, NodeId } from "./identifiers.ts";
import { StoredEncoding } from "./storedEncoding.ts";

/**
 * Teacher node -> label log, write-once: what one teacher said of one part of a chunk. It repeats its key and
 * carries a digest of its sample rows, so that a reader never takes one sample's labels for another's.
 */
export const Labels = z.strictObject({
  type: z.literal("labels"),
  labelling: Hash,
  shard: Hash,
  view: Hash,
  chunk: z.int().nonnegative(),
  part: z.int().nonnegative(),
  /** [rows, classes] */
  shape: z.tuple([z.int().positive(), z.int().positive()]),
  encoding: StoredEncoding,
  /** What each row holds after its logits: half precision, but float32 for a gram. Absent: nothing. */
  features: z.array(FeatureLayout).optional(),
  /** Digest of the rows' numbers in the shard, in their order. */
  rowsDigest: Hash,
  /** The node that computed them: the first to answer. */
  node: NodeId,
  payload: Bytes,
});
export type Labels = z.infer<typeof Labels>;
