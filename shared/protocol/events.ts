import { z } from "zod";
import { Hash, NodeId, RunId } from "./identifiers.ts";
import { JobKey } from "./jobs.ts";

/** Progress of one training. `total` is in steps; loss and accuracy are the last known. */
const Progress = {
  node: NodeId,
  step: z.int().nonnegative(),
  total: z.int().positive(),
  samplesPerS: z.number().nonnegative(),
  loss: z.number().nullable(),
  accuracy: z.number().nullable(),
  /** In place of accuracy, of other tasks than classification. */
  score: z.strictObject({ name: z.string(), value: z.number() }).optional(),
};

/** Any node -> whoever watches (core publish, may be lost): news for people. Nothing is decided on it. */
export const Event = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("teacher-progress"), recipe: Hash, name: z.string(), ...Progress }),
  z.strictObject({
    type: z.literal("job-progress"),
    run: RunId,
    job: JobKey,
    waiting: z.boolean(),
    ...Progress,
  }),
  z.strictObject({
    type: z.literal("label-progress"),
    run: RunId,
    done: z.int().nonnegative(),
    total: z.int().nonnegative(),
    inFlight: z.int().nonnegative(),
  }),
  z.strictObject({
    type: z.literal("notice"),
    run: RunId.nullable(),
    node: NodeId,
    level: z.enum(["info", "warn", "error"]),
    text: z.string(),
  }),
]);
export type Event = z.infer<typeof Event>;
