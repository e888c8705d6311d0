import { z } from "zod";
import { contentHash } from "../determinism/hash.ts";
import type { FeatureLayout } from "./features.ts";
import type { StoredEncoding } from "./storedEncoding.ts";

/** 32 hexadecimal digits: the first half of a SHA-256. */
export const Hash = z.string().regex(/^[0-9a-f]{32}$/, "expected 32 hexadecimal digits");
/** 64 hexadecimal digits: a SHA-256, the name of an object. */
export const Digest = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits");
/** Of a run: its name, a dash, and eight random characters. */
export const RunId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,80}$/, "expected letters, digits and dashes");
/** Of a process that joined: its role, host and a random part. */
export const NodeId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,80}$/, "expected letters, digits and dashes");

/** Bytes over any buffer: `z.instanceof(Uint8Array)` would ask for one kind. */
export const Bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "expected bytes");

/** Bumped when code that changes labels changes meaning, so that old labels are never read as new ones. */
export const LABEL_VERSION = 1;
/** Bumped when code that changes trained weights changes meaning, so that old weights are not found for new recipes. */
export const RECIPE_VERSION = 1;

/** View 0: the sample itself, without augmentation. */
export const PLAIN_VIEW = contentHash({ augmentation: [], view: 0 });

/** What makes labels comparable: the teacher, what is stored of it and how. */
export function labellingHash({
  features = [],
  ...of
}: {
  identity: string;
  encoding: StoredEncoding;
  chunkSize: number;
  features?: readonly FeatureLayout[];
}): string {
  // Without features nothing of them enters: such labels are one for all runs that need no more. What a run calls them
  // is its own.
  const carried = features.map(({ name: _name, ...feature }) => feature);
  const inside = carried.length > 0 ? { features: carried } : {};
  return contentHash({ ...of, ...inside, outputs: "logits", version: LABEL_VERSION });
}
