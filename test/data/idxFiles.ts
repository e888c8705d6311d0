import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The bytes of an IDX file, written by hand so that the tests do not depend on the code that reads them. */
export function idxBytes(type: number, shape: readonly number[], values: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = type;
  header[3] = shape.length;
  shape.forEach((size, axis) => {
    header.writeUInt32BE(size, 4 + 4 * axis);
  });
  return Buffer.concat([header, values]);
}

export const bytesIdx = (shape: readonly number[], values: readonly number[]): Uint8Array =>
  idxBytes(0x08, shape, Uint8Array.from(values));

export function floatIdx(shape: readonly number[], values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeFloatBE(value, 4 * i);
  });
  return idxBytes(0x0d, shape, bytes);
}

/** A folder with the given files, and a way to take it away again. */
export async function folderOf(
  files: Record<string, Uint8Array | string>,
): Promise<{ dir: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "stillhouse-data-"));
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(dir, name), content)));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}
