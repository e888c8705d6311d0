import { sha256 } from "../determinism/hash.ts";
import type { ChunkLayout } from "./layout.ts";

/** Identity of the rows that a part labels, in their order: 32 hexadecimal digits over little-endian 32-bit numbers. */
export function rowsDigest(rows: Uint32Array): string {
  const bytes = new Uint8Array(rows.length * 4);
  const view = new DataView(bytes.buffer);
  rows.forEach((row, i) => {
    view.setUint32(i * 4, row, true);
  });
  return sha256(bytes).slice(0, 32);
}

const ofParts = new WeakMap<ChunkLayout, string[]>();

/** The same of a part of a chunk, which several teachers label: made once. */
export function partDigest(layout: ChunkLayout, part: number): string {
  const known = ofParts.get(layout) ?? [];
  ofParts.set(layout, known);
  known[part] ??= rowsDigest(layout.rows.slice(...(layout.parts[part] as readonly [number, number])));
  return known[part];
}
