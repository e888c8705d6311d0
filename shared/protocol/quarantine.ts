import { z } from "zod";
import { NodeId, RunId } from "./identifiers.ts";

/**
 * Teacher node -> coordinators and people (KV with TTL, key = what of the work's subject names it, then the delivery): a
 * try at a work item. Told of every try that failed, and of a second and later one as it begins, as nobody tells of a
 * node that died.
 */
export const Attempt = z.strictObject({
  type: z.literal("attempt"),
  node: NodeId,
  /** 1 at the first delivery. */
  delivery: z.int().positive(),
  atMs: z.number(),
  /** Null as long as it is at work, and for ever where it died or hung. */
  error: z.string().nullable(),
});
export type Attempt = z.infer<typeof Attempt>;

/**
 * Teacher node or coordinator -> coordinators and people (KV, key = what of the work's subject names it): work that no
 * node came to the end of. It is queued no more until somebody deletes this.
 */
export const Quarantined = z.strictObject({
  type: z.literal("quarantined"),
  /** Of the work item. */
  subject: z.string(),
  /** Who found it. */
  node: NodeId,
  /** That found it; null: a node did, which works for all runs. */
  run: RunId.nullable(),
  atMs: z.number(),
  attempts: z.array(Attempt),
});
export type Quarantined = z.infer<typeof Quarantined>;
