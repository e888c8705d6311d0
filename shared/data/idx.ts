import { gunzipSync } from "node:zlib";
import { messageOf } from "../errors.ts";
import { DataError, IdxError } from "./errors.ts";
import { readDataFile } from "./readDataFile.ts";

/** The values of an IDX file in row-major order; `shape` has one number a dimension. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array | Float32Array;
}

const UNSIGNED_BYTE = 0x08;
const FLOAT32 = 0x0d;
const otherTypes: Readonly<Record<number, string>> = {
  9: "signed byte",
  11: "int16",
  12: "int32",
  14: "float64",
};

/**
 * Reads an IDX file, plain or gzipped.
 * @param path where the file is
 * @param written the path as the spec has it, for errors
 * @throws DataFileUnreadable, IdxError
 */
export async function readIdx(path: string, written = path): Promise<IdxArray> {
  return parseIdx(await readDataFile(path, written), written);
}

/**
 * Parses an IDX file: two zero bytes, the type, the rank, the dimensions, the values, all big-endian.
 * @param bytes the file, gzipped if it starts with 1f 8b; values of bytes are a view of it, not a copy
 * @param file its name, for errors
 * @throws IdxError for another magic, another type than unsigned byte and float32, or another length
 */
export function parseIdx(bytes: Uint8Array, file: string): IdxArray {
  const raw = unzipped(bytes, file);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const rank = readRank(view, file);
  const float = view.getUint8(2) === FLOAT32;
  const start = 4 + 4 * rank;
  if (view.byteLength < start) {
    throw new IdxError(file, {
      offset: view.byteLength,
      seen: "the file ends inside its header",
      expected: `${start} bytes of header for ${rank} dimensions`,
    });
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = shape.reduce((product, size) => product * size, 1);
  const expected = start + count * (float ? 4 : 1);
  if (view.byteLength !== expected) {
    throw new IdxError(file, {
      offset: Math.min(view.byteLength, expected),
      seen: `the file has ${view.byteLength} bytes and is ${view.byteLength < expected ? "truncated" : "too long"}`,
      expected: `${expected} bytes for shape [${shape.join(", ")}] of ${float ? "float32" : "unsigned bytes"}`,
    });
  }
  if (!float) return { shape, values: raw.subarray(start) };
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = view.getFloat32(start + 4 * i);
  return { shape, values };
}

function unzipped(bytes: Uint8Array, file: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    throw new DataError(
      `Cannot unpack "${file}" (${bytes.length} bytes): it starts like gzip, but ${messageOf(cause)}; copy it again`,
      { fields: { file, bytes: bytes.length }, cause },
    );
  }
}

function readRank(view: DataView, file: string): number {
  if (view.byteLength < 4) {
    throw new IdxError(file, {
      offset: view.byteLength,
      seen: `the file ends after ${view.byteLength} bytes`,
      expected: "4 bytes of magic: 00 00, the type, the rank",
    });
  }
  if (view.getUint16(0) !== 0) {
    throw new IdxError(file, {
      offset: 0,
      seen: `the magic starts with 0x${view.getUint16(0).toString(16).padStart(4, "0")}`,
      expected: "0x0000",
    });
  }
  const type = view.getUint8(2);
  if (type !== UNSIGNED_BYTE && type !== FLOAT32) {
    throw new IdxError(file, {
      offset: 2,
      seen: `the type is 0x${type.toString(16).padStart(2, "0")} (${otherTypes[type] ?? "unknown"})`,
      expected: "0x08 (unsigned byte) or 0x0d (float32)",
    });
  }
  return view.getUint8(3);
}
