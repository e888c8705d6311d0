import { z } from "zod";
import { NodeId, RunId } from "./identifiers.ts";

/** What a person may tell a run. */
export const runOrders = ["pause", "resume", "stop", "cancel"] as const;

/**
 * Command line -> the coordinators of a run (KV with TTL, key = run.RUN), those that stand by too. Who was there before it
 * was given obeys; it takes effect in the run's record, which the command waits for.
 */
export const RunOrder = z.strictObject({
  type: z.literal("run-order"),
  run: RunId,
  order: z.enum(runOrders),
});
export type RunOrder = z.infer<typeof RunOrder>;

/** Command line -> a teacher or student node (KV with TTL, key = node.NODE): finish what you have, hand the rest back, end. */
export const NodeOrder = z.strictObject({
  type: z.literal("node-order"),
  node: NodeId,
  order: z.literal("drain"),
});
export type NodeOrder = z.infer<typeof NodeOrder>;
