const scratch = new Float32Array(1);
const bits = new Int32Array(scratch.buffer);

/** The float32 at byte `at`, little-endian; a view for a few numbers would cost more than they do. */
export function readFloat(bytes: Uint8Array, at: number): number {
  bits[0] =
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24);
  return scratch[0] as number;
}

/** Writes a number as a float32 at byte `at`, little-endian. */
export function writeFloat(bytes: Uint8Array, at: number, value: number): void {
  scratch[0] = value;
  const word = bits[0] as number;
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}
