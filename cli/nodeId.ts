import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

/** A name for this process that no other has: its role, the host, and six random characters. */
export function nodeId(role: string): string {
  const host = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .slice(0, 40);
  return `${role}-${host}-${randomBytes(3).toString("hex")}`;
}

/** An id for a new run: its name, and eight random characters. */
export function newRunId(name: string): string {
  return `${name}-${randomBytes(4).toString("hex")}`;
}
