import { endianness } from "node:os";

/** The little-endian bytes of float32 numbers, in memory of their own. */
export function bytesOfFloats(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.byteLength);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return inHostOrder(bytes);
}

/** Float32 numbers from little-endian bytes; copies, since the offset of bytes in a message is rarely a multiple of 4. */
export function floatsOfBytes(bytes: Uint8Array): Float32Array {
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return new Float32Array(inHostOrder(copy).buffer);
}

function inHostOrder(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (endianness() === "BE") Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).swap32();
  return bytes;
}
