import { halfValues } from "../labels/half.ts";
import { DataError } from "./errors.ts";

/** Bytes that are no NPY file of a kind that Stillhouse reads. */
export class NpyError extends DataError {
  constructor(file: string, seen: string, expected: string) {
    super(`Cannot read "${file}" as an NPY file: ${seen}; expected ${expected}`, {
      fields: { file, seen, expected },
    });
  }
}

/** The numbers of an NPY file, read where they are asked for. */
export interface NpyArray {
  /** One size at least. */
  readonly shape: readonly number[];
  readonly kind: "integer" | "float";
  /** Unsigned numbers of one byte: what images are mostly kept in. */
  readonly unsignedBytes: boolean;
  /** The number at a place in row-major order, whatever the order in the file. */
  at(place: number): number;
}

interface ElementType {
  readonly kind: NpyArray["kind"];
  readonly bytes: number;
  read(view: DataView, at: number, little: boolean): number;
}

const integer = (bytes: number, read: ElementType["read"]): ElementType => ({ kind: "integer", bytes, read });
const float = (bytes: number, read: ElementType["read"]): ElementType => ({ kind: "float", bytes, read });

/** By the letters that follow the order of bytes in numpy's name of a type. */
const types: Readonly<Record<string, ElementType>> = {
  i1: integer(1, (view, at) => view.getInt8(at)),
  u1: integer(1, (view, at) => view.getUint8(at)),
  i2: integer(2, (view, at, little) => view.getInt16(at, little)),
  u2: integer(2, (view, at, little) => view.getUint16(at, little)),
  i4: integer(4, (view, at, little) => view.getInt32(at, little)),
  u4: integer(4, (view, at, little) => view.getUint32(at, little)),
  // Beyond 2^53 a number is no sample's id, however it is rounded.
  i8: integer(8, (view, at, little) => Number(view.getBigInt64(at, little))),
  u8: integer(8, (view, at, little) => Number(view.getBigUint64(at, little))),
  f2: float(2, (view, at, little) => halfValues[view.getUint16(at, little)] as number),
  f4: float(4, (view, at, little) => view.getFloat32(at, little)),
  f8: float(8, (view, at, little) => view.getFloat64(at, little)),
  // Of numpy's booleans, 0 or 1.
  b1: integer(1, (view, at) => view.getUint8(at)),
};

const MAGIC = "\x93NUMPY";
/** Numpy pads its headers to 64 bytes; nobody needs more than this for three keys. */
const MAX_HEADER_BYTES = 65_536;

/**
 * Parses an NPY file (NumPy Enhancement Proposal 1): the magic, the version, the length of the header, the header as
 * the text of a Python dictionary, the numbers.
 * @param bytes the whole file; numbers are read from it, not copied
 * @param file its name, for errors
 * @param mostSizes of its shape, from 2 to 4
 * @throws NpyError for another version, type or rank than those listed here, or a file of another size than it says
 */
export function parseNpy(bytes: Uint8Array, file: string, mostSizes: 2 | 3 | 4 = 2): NpyArray {
  const { text, start } = readHeader(bytes, file);
  const { descr, fortran_order: order, shape: sizes } = readDictionary(text, file);

  const [, byteOrder, name = ""] = /^'([<>|=])([a-z]\d+)'$/.exec(descr ?? "") ?? [];
  const type = types[name];
  if (!type || byteOrder === "=" || (byteOrder === "|") !== (type.bytes === 1)) {
    const known = Object.keys(types).join(", ");
    throw new NpyError(file, `its type is ${descr}`, `one of ${known}, after < or > (| for one byte)`);
  }
  if (order !== "True" && order !== "False") {
    throw new NpyError(file, `its fortran_order is ${order}`, "True or False");
  }
  const shape = readShape(sizes, file, mostSizes);
  const count = shape.reduce((product, size) => product * size, 1);
  const expected = start + count * type.bytes;
  if (bytes.byteLength !== expected) {
    const wrong = bytes.byteLength < expected ? "is truncated" : "is too long";
    throw new NpyError(
      file,
      `it has ${bytes.byteLength} bytes and ${wrong}`,
      `${expected} bytes for shape [${shape.join(", ")}] of ${name}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, count * type.bytes);
  const little = byteOrder !== ">";
  const placeOf = order === "True" && shape.length > 1 ? byColumns(shape) : (place: number) => place;
  return {
    shape,
    kind: type.kind,
    unsignedBytes: name === "u1",
    at: (place) => type.read(view, placeOf(place) * type.bytes, little),
  };
}

/** Where the number at a place in row-major order stands in an array whose first index changes fastest. */
function byColumns(shape: readonly number[]): (place: number) => number {
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
  return (place) => {
    let [left, stored] = [place, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] as number;
      stored += (left % size) * (strides[axis] as number);
      left = Math.floor(left / size);
    }
    return stored;
  };
}

/** Whether bytes begin as an NPY file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return latin1(bytes.subarray(0, MAGIC.length)) === MAGIC;
}

function readHeader(bytes: Uint8Array, file: string): { text: string; start: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isNpy(bytes)) throw new NpyError(file, "it does not start with the magic", "\\x93NUMPY");
  if (bytes.byteLength < 12) throw new NpyError(file, "it ends inside its header", "12 bytes or more");
  const version = view.getUint8(6);
  if (version < 1 || version > 3 || view.getUint8(7) !== 0) {
    throw new NpyError(file, `its version is ${version}.${view.getUint8(7)}`, "1.0, 2.0 or 3.0");
  }
  const from = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = from + length;
  if (length > MAX_HEADER_BYTES || start > bytes.byteLength) {
    const most = Math.min(MAX_HEADER_BYTES, bytes.byteLength - from);
    throw new NpyError(file, `its header is said to have ${length} bytes`, `at most ${most}`);
  }
  return { text: latin1(bytes.subarray(from, start)), start };
}

/** The three keys, in any order, as they are written. Nothing else may stand in the dictionary. */
function readDictionary(text: string, file: string): Partial<Record<string, string>> {
  const refuse = (): never => {
    const seen = text.trim();
    throw new NpyError(
      file,
      `its header is ${JSON.stringify(seen.length > 120 ? `${seen.slice(0, 117)}...` : seen)}`,
      "{'descr': ..., 'fortran_order': ..., 'shape': ...}, of numbers without names",
    );
  };
  const [, inner] = /^\{(.*)\}\s*$/s.exec(text) ?? refuse();
  const item = /\s*'(descr|fortran_order|shape)'\s*:\s*('[^']*'|True|False|\([\d, ]*\))\s*(,|$)\s*/y;
  const found: Partial<Record<string, string>> = {};
  while (item.lastIndex < (inner as string).length) {
    const [, key = "", value = ""] = item.exec(inner as string) ?? refuse();
    if (key in found) refuse();
    found[key] = value;
  }
  return Object.keys(found).length === 3 ? found : refuse();
}

function readShape(text: string | undefined, file: string, mostSizes: number): number[] {
  const [, inner] = /^\((\d+,(?: *\d+,)*(?: *\d+)?)\)$/.exec(text ?? "") ?? [];
  const shape = (inner ?? "")
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  if (shape.length < 1 || shape.length > mostSizes || !Number.isSafeInteger(count)) {
    const expected = mostSizes === 2 ? "one or two sizes" : `one to ${mostSizes} sizes`;
    throw new NpyError(file, `its shape is ${text}`, expected);
  }
  return shape;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
