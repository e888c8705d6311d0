import { unzipSync } from "fflate";
import { messageOf } from "../errors.ts";
import { DataError } from "./errors.ts";
import { type NpyArray, parseNpy } from "./npy.ts";

/** Bytes that are no NPZ file, or one without the arrays that are asked for. */
export class NpzError extends DataError {}

/** More arrays than this in one file are no labels. */
const MAX_ENTRIES = 1_000;
/** What one array may unpack to: what Node holds in one buffer without further ado. */
const MAX_ARRAY_BYTES = 2 ** 31 - 1;

/**
 * Reads arrays of an NPZ file: a ZIP archive of NPY files, as `numpy.savez` and `savez_compressed` write it. Arrays of
 * other names stay packed.
 * @param wanted names of arrays, without `.npy`
 * @param mostSizes of their shapes
 * @returns those of them that are there
 * @throws NpzError, NpyError
 */
export function readNpz(
  bytes: Uint8Array,
  file: string,
  wanted: readonly string[],
  mostSizes: 2 | 3 | 4 = 2,
): Map<string, NpyArray> {
  let entries = 0;
  const unpacked = unpack(bytes, file, (name, size) => {
    entries++;
    if (entries > MAX_ENTRIES) throw new NpzError(`it lists more than ${MAX_ENTRIES} arrays`);
    if (!name.endsWith(".npy") || !wanted.includes(name.slice(0, -4))) return false;
    if (size > MAX_ARRAY_BYTES) {
      throw new NpzError(`${name} unpacks to ${size} bytes; expected at most ${MAX_ARRAY_BYTES}`);
    }
    return true;
  });
  return new Map(
    Object.entries(unpacked).map(([name, npy]) => [
      name.slice(0, -4),
      parseNpy(npy, `${file}/${name}`, mostSizes),
    ]),
  );
}

/** Whether bytes begin as a ZIP archive does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b;
}

function unpack(
  bytes: Uint8Array,
  file: string,
  isWanted: (name: string, size: number) => boolean,
): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes, { filter: ({ name, originalSize }) => isWanted(name, originalSize) });
  } catch (cause) {
    throw new NpzError(
      `Cannot read "${file}" (${bytes.byteLength} bytes) as an NPZ file: ${messageOf(cause)}; write it with numpy.savez, or copy it again`,
      { fields: { file, bytes: bytes.byteLength }, cause },
    );
  }
}
