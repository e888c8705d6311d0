import { contentHash } from "../determinism/hash.ts";
import type { RunSpec } from "./spec.ts";

/** The identity of a spec: two files that mean the same, defaults written out or not, have the same. */
export function specHash(spec: RunSpec): string {
  const { task, ...data } = spec.data;
  return contentHash(task === "classification" ? { ...spec, data } : spec);
}
