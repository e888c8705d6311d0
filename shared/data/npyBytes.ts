/** Types of arrays that are written, by numpy's names; `<U` holds text, so many characters an element. */
export type NpyType = "<f4" | "<f2" | "<i8" | "|i1" | `<U${number}`;

/** Bytes of one number, or text, of an array. */
export function npyElementBytes(type: NpyType): number {
  switch (type) {
    case "<f4":
      return 4;
    case "<f2":
      return 2;
    case "<i8":
      return 8;
    case "|i1":
      return 1;
    default:
      return 4 * Number(type.slice(2));
  }
}

/**
 * What stands before the numbers in an NPY file of version 1.0 (NumPy Enhancement Proposal 1), row-major: the magic, the
 * version, and the header as the text of a Python dictionary, padded so that the numbers begin at a multiple of 64.
 */
export function npyHead(type: NpyType, shape: readonly number[]): Uint8Array {
  const sizes = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': ${sizes}, }`;
  const before = 10;
  const padding = (64 - ((before + header.length + 1) % 64)) % 64;
  const head = Buffer.alloc(before + header.length + padding + 1, " ", "latin1");
  head.write("\x93NUMPY\x01\x00", 0, "latin1");
  head.writeUInt16LE(head.length - before, 8);
  head.write(header, before, "latin1");
  head.write("\n", head.length - 1, "latin1");
  return head;
}

/** A text as an element of an array of type `<U`: UTF-32, little-endian. */
export function npyText(text: string): { type: NpyType; bytes: Uint8Array } {
  const points = Array.from(text, (character) => character.codePointAt(0) as number);
  const bytes = new Uint8Array(4 * points.length);
  const view = new DataView(bytes.buffer);
  points.forEach((point, i) => {
    view.setUint32(4 * i, point, true);
  });
  return { type: `<U${points.length}`, bytes };
}
