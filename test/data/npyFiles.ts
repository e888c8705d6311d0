/** The bytes of an NPY file of the given header and numbers, written by NEP 1 and not by the code that reads them. */
export function npyBytes(
  header: string,
  numbers: Uint8Array,
  { version = [1, 0], magic = "\x93NUMPY", lengthOf = (padded: string) => padded.length } = {},
): Uint8Array {
  const prefix = magic.length + 2 + (version[0] === 1 ? 2 : 4);
  // Blanks up to a multiple of 64, the last a line feed.
  const padded = `${header}${" ".repeat((64 - ((prefix + header.length + 1) % 64)) % 64)}\n`;
  const length = Buffer.alloc(version[0] === 1 ? 2 : 4);
  length.writeUIntLE(lengthOf(padded), 0, length.length);
  return Buffer.concat([
    Buffer.from(magic, "latin1"),
    Uint8Array.from(version),
    length,
    Buffer.from(padded, "latin1"),
    numbers,
  ]);
}

/** A header as numpy writes it. */
export function npyHeader(descr: string, shape: readonly number[], fortran = false): string {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  return `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': ${tuple}, }`;
}

export function floats(shape: readonly number[], values: ArrayLike<number>): Uint8Array {
  return npyBytes(npyHeader("<f4", shape), bytesOf(Float32Array.from(values)));
}

export function int64s(values: Iterable<number>): Uint8Array {
  const ids = BigInt64Array.from([...values].map(BigInt));
  return npyBytes(npyHeader("<i8", [ids.length]), bytesOf(ids));
}

/** Of the machine's own order, which is little-endian wherever Node runs today. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A ZIP archive of stored files, as `numpy.savez` writes it, by the format's specification (APPNOTE 6.3). */
export function zipOf(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const named = Buffer.from(name, "utf8");
    // Version, flags, method 0, time, date, checksum, packed and unpacked size, length of the name, of the extra field.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(named.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, named, content]);
    const where = Buffer.alloc(14);
    where.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, where, named);
    parts.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  const count = Object.keys(files).length;
  const end = Buffer.alloc(18);
  end.writeUInt16LE(count, 4);
  end.writeUInt16LE(count, 6);
  end.writeUInt32LE(listed.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, listed, Buffer.from("PK\x05\x06", "latin1"), end]);
}
