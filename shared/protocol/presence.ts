import { z } from "zod";
import { Hash, NodeId } from "./identifiers.ts";

/** Every node -> everyone (KV with TTL, key = role.node), each second: alive, doing what, and its own counters. */
export const Heartbeat = z.strictObject({
  type: z.literal("heartbeat"),
  role: z.enum(["coordinator", "teacher", "student"]),
  node: NodeId,
  pid: z.int(),
  host: z.string(),
  startedAtMs: z.number(),
  backend: z.string(),
  /** For people: "training wide-a", "labelling", "idle". */
  doing: z.string(),
  /** Labellings that this node serves now. */
  serving: z.array(Hash),
  /** Labellings that it may not serve, as it answers the probe otherwise than their first node did. */
  refused: z.array(z.strictObject({ labelling: Hash, why: z.string() })),
  /** Since the process started. */
  samplesPredicted: z.int().nonnegative(),
  chunksLabelled: z.int().nonnegative(),
  /** Chunks that came to this node after another had them. */
  redeliveries: z.int().nonnegative(),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

/**
 * Any node -> coordinator (KV, key = labelling or recipe or run, then what): something that trying again will not mend.
 * The coordinator of a run that needs it fails the run with this text.
 */
export const Fault = z.strictObject({
  type: z.literal("fault"),
  node: NodeId,
  text: z.string(),
  atMs: z.number(),
});
export type Fault = z.infer<typeof Fault>;
