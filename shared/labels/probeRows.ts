import { chunkRows } from "../data/chunks.ts";

const PROBE_ROWS = 64;
/** A record of the key-value store is a message, which holds 1 MB at most. */
const PROBE_BYTES = 256 * 1024;

/**
 * Rows of a shard whose answers are kept as a teacher gave them: the first of chunk 0, as many as fit a record, whatever
 * the chunk size. By these a node is admitted, and what an encoding loses is measured.
 * @param width numbers of a row
 * @param most rows, where something else bounds them too
 */
export function probeRows(
  { hash, rows }: { readonly hash: string; readonly rows: number },
  width: number,
  most = PROBE_ROWS,
): Uint32Array {
  const fitting = Math.max(1, Math.floor(PROBE_BYTES / (4 * width)));
  return firstRows({ hash, rows }, Math.min(PROBE_ROWS, fitting, most));
}

/** The first rows of chunk 0 of a shard, of whatever size that is. */
export function firstRows(
  { hash, rows }: { readonly hash: string; readonly rows: number },
  count: number,
): Uint32Array {
  return chunkRows(hash, rows, Math.min(rows, count), 0);
}
