import { Packr } from "msgpackr";

// The defaults of msgpackr turn a Float32Array into a Buffer and share record shapes between messages,
// which a reader who joins late does not know.
const packr = new Packr({ useRecords: false, moreTypes: true });

/** MessagePack of a value; the bytes are the caller's own. */
export function pack(value: unknown): Uint8Array {
  return new Uint8Array(packr.pack(value));
}

/** The value in `bytes`, to be parsed by a schema. @throws Error for bytes that are not MessagePack */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
