import { z } from "zod";
import { LogitAgreement } from "../evaluate/reportSchema.ts";
import { Bytes, Digest, NodeId } from "./identifiers.ts";

/** What `numerics: tolerant` lets pass, as a share of the first node's largest logit, and of each feature's largest number. */
export const TOLERATED_SHARE = 0.01;

/** What computed a teacher's answers. Two that agree in all of it mostly give the same bits. */
export const Computer = z.strictObject({
  backend: z.string(),
  version: z.string(),
  /** Of one operator. */
  threads: z.int().positive(),
  /** Operating system, architecture and processor. */
  machine: z.string(),
});
export type Computer = z.infer<typeof Computer>;

/**
 * Teacher node -> teacher nodes and coordinator (KV, key = labelling.shard; the first answer stands): what the first
 * node that served a labelling said of the probe, the first rows of chunk 0 of that shard. Who joins says the same, or
 * is not admitted.
 */
export const Numerics = z.strictObject({
  type: z.literal("numerics"),
  node: NodeId,
  computer: Computer,
  /** [rows, classes] */
  shape: z.tuple([z.int().positive(), z.int().positive()]),
  /** Logits in float32, little-endian, row-major. */
  logits: Bytes,
  /** SHA-256 of `logits`. */
  digest: Digest,
  /** Of a quantised teacher, and how near it is to itself in floats; null for others. */
  quantised: LogitAgreement.nullable(),
  /** Others that runs with `numerics: tolerant` let in, and their largest difference of a logit. */
  tolerated: z.array(z.strictObject({ computer: Computer, difference: z.number().nonnegative() })),
});
export type Numerics = z.infer<typeof Numerics>;
