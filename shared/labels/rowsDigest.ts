import { sha256 } from "../determinism/hash.ts";

/** Identity of the rows that a part labels, in their order: 32 hexadecimal digits over little-endian 32-bit numbers. */
export function rowsDigest(rows: Uint32Array): string {
  const bytes = new Uint8Array(rows.length * 4);
  const view = new DataView(bytes.buffer);
  rows.forEach((row, i) => {
    view.setUint32(i * 4, row, true);
  });
  return sha256(bytes).slice(0, 32);
}
