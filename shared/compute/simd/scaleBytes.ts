import { Arena } from "./arena.ts";

/** One list of bytes, from place `start` on. */
export interface ByteRow {
  readonly bytes: Uint8Array;
  readonly start: number;
}

/**
 * Writes rows of bytes, each number times `scale`, one after the other into an array of an arena. The rows are brought
 * into its last quarter first, and spread out from there in place.
 * @param out [rows, width], of an arena
 * @returns false, with nothing done, for an array of no arena
 */
export function scaleBytes(
  rows: Iterable<ByteRow>,
  width: number,
  scale: number,
  out: Float32Array,
): boolean {
  const arena = Arena.holding(out);
  if (arena === undefined) return false;
  const last = new Uint8Array(out.buffer, out.byteOffset + 3 * out.length, out.length);
  let at = 0;
  for (const { bytes, start } of rows) {
    last.set(bytes.subarray(start, start + width), at);
    at += width;
  }
  arena.kernels.bytes(arena.pointerTo(out), last.byteOffset, at, scale);
  return true;
}
