/** Bytes of a class's number: as few of 1, 2 and 4 as tell all classes apart. */
export function idBytes(classes: number): 1 | 2 | 4 {
  if (classes <= 256) return 1;
  return classes <= 65_536 ? 2 : 4;
}

/** The number of `width` bytes at byte `at`, little-endian. */
export function readId(bytes: Uint8Array, at: number, width: number): number {
  if (width === 1) return bytes[at] as number;
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  if (width === 2) return low;
  return (low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0;
}

/** Writes a number of `width` bytes at byte `at`, little-endian. */
export function writeId(bytes: Uint8Array, at: number, width: number, id: number): void {
  bytes[at] = id;
  if (width === 1) return;
  bytes[at + 1] = id >>> 8;
  if (width === 2) return;
  bytes[at + 2] = id >>> 16;
  bytes[at + 3] = id >>> 24;
}
