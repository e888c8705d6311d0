import { describe, expect, it } from "vitest";
import { type NpyArray, NpyError, parseNpy } from "../../shared/data/npy.ts";
import { NpzError, readNpz } from "../../shared/data/npz.ts";
import { bytesOf, floats, int64s, npyBytes, npyHeader, zipOf } from "./npyFiles.ts";

const numbersOf = ({ shape, at }: NpyArray): number[] =>
  Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => at(i));

/** What numpy 2.4.6 wrote of ids [3, 0, 65536] (int64) and logits [[0.5, -1.25], [2, 3], [-4, 0.001]] (float16). */
const fromNumpy = {
  // numpy.savez_compressed(file, ids=ids, logits=logits)
  compressed:
    "UEsDBC0AAAAIAAAAIQCWrB2V//////////8HABQAaWRzLm5weQEAEACYAAAAAAAAAEoAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaxjqaOgq1ChQALmYGdMAIJgFQSwMELQAAAAgAAAAhAA6XBu///////////woAFABsb2dpdHMubnB5AQAQAIwAAAAAAAAAUgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2akrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGmjoKtQpkAy4GC4a9DA4MTgxHJEUAUEsBAi0DLQAAAAgAAAAhAJasHZVKAAAAmAAAAAcAAAAAAAAAAAAAAIABAAAAAGlkcy5ucHlQSwECLQMtAAAACAAAACEADpcG71IAAACMAAAACgAAAAAAAAAAAAAAgAGDAAAAbG9naXRzLm5weVBLBQYAAAAAAgACAG0AAAARAQAAAAA=",
  // numpy.savez(file, ids=ids, logits=logits)
  stored:
    "UEsDBC0AAAAAAAAAIQCWrB2V//////////8HABQAaWRzLm5weQEAEACYAAAAAAAAAJgAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoDAAAAAAAAAAAAAAAAAAAAAAABAAAAAABQSwMELQAAAAAAAAAhAA6XBu///////////woAFABsb2dpdHMubnB5AQAQAIwAAAAAAAAAjAAAAAAAAACTTlVNUFkBAHYAeydkZXNjcic6ICc8ZjInLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMywgMiksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgCgA4AL0AQABCAMQZFFBLAQItAy0AAAAAAAAAIQCWrB2VmAAAAJgAAAAHAAAAAAAAAAAAAACAAQAAAABpZHMubnB5UEsBAi0DLQAAAAAAAAAhAA6XBu+MAAAAjAAAAAoAAAAAAAAAAAAAAIAB0QAAAGxvZ2l0cy5ucHlQSwUGAAAAAAIAAgBtAAAAmQEAAAAA",
  // numpy.save(file, numpy.asfortranarray(logits.astype('>f8')))
  byColumns:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPmY4JywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMywgMiksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo/4AAAAAAAAEAAAAAAAAAAwBAAAAAAAAC/9AAAAAAAAEAIAAAAAAAAP1BkAAAAAAA=",
};
// 0.001 in float16, as numpy prints it in full.
const written = [0.5, -1.25, 2, 3, -4, 0.0010004043579101562];
const bytesFrom = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));

describe("what numpy writes", () => {
  it.each(["compressed", "stored"] as const)("is read from an NPZ file, %s", (kind) => {
    const arrays = readNpz(bytesFrom(fromNumpy[kind]), "f.npz", ["ids", "logits", "probabilities"]);
    expect([...arrays.keys()].sort()).toEqual(["ids", "logits"]);
    const [ids, logits] = [arrays.get("ids") as NpyArray, arrays.get("logits") as NpyArray];
    expect([ids.kind, ids.shape, numbersOf(ids)]).toEqual(["integer", [3], [3, 0, 65536]]);
    expect([logits.kind, logits.shape, numbersOf(logits)]).toEqual(["float", [3, 2], written]);
  });

  it("is read row by row, also where the file is big-endian and goes by columns", () => {
    const array = parseNpy(bytesFrom(fromNumpy.byColumns), "f.npy");
    expect([array.kind, array.shape, numbersOf(array)]).toEqual(["float", [3, 2], written]);
  });
});

describe("an NPY file", () => {
  it.each<[string, ArrayBufferView]>([
    ["|i1", Int8Array.of(-1, 7)],
    ["|u1", Uint8Array.of(200, 7)],
    ["<i2", Int16Array.of(-300, 7)],
    ["<u2", Uint16Array.of(60_000, 7)],
    ["<i4", Int32Array.of(-70_000, 7)],
    ["<u4", Uint32Array.of(4_000_000_000, 7)],
    ["<i8", BigInt64Array.of(-5_000_000_000n, 7n)],
    ["<u8", BigUint64Array.of(5_000_000_000n, 7n)],
    ["<f4", Float32Array.of(0.1, 7)],
    ["<f8", Float64Array.of(0.1, 7)],
  ])("of type %s holds the numbers that were written", (descr, values) => {
    const array = parseNpy(npyBytes(npyHeader(descr, [2]), bytesOf(values)), "f");
    expect(numbersOf(array)).toEqual([...(values as unknown as Iterable<number>)].map(Number));
  });

  it.each([1, 2, 3])("of version %i.0 is read, its keys in any order", (major) => {
    const header = "{'shape': (1, 2), 'descr': '<f4', 'fortran_order': False}";
    const bytes = npyBytes(header, bytesOf(Float32Array.of(1, 2)), { version: [major, 0] });
    expect(parseNpy(bytes, "f").shape).toEqual([1, 2]);
  });

  it("that starts inside a larger buffer, at an odd place, is read from its own start", () => {
    const bytes = int64s([4, 9]);
    const larger = new Uint8Array(bytes.length + 3);
    larger.set(bytes, 3);
    expect(numbersOf(parseNpy(larger.subarray(3), "f"))).toEqual([4, 9]);
  });
});

describe("a file that is no NPY file is refused, and the error", () => {
  const four = bytesOf(Float32Array.of(1, 2, 3, 4));
  const good = npyHeader("<f4", [2, 2]);

  it.each<[string, Uint8Array, RegExp]>([
    ["names the magic", npyBytes(good, four, { magic: "\x93NUMPX" }), /the magic; expected \\x93NUMPY$/],
    ["says that it ends early", bytesFrom("k05VTVBZAQA="), /it ends inside its header; expected 12 bytes/],
    ["names the version", npyBytes(good, four, { version: [4, 0] }), /its version is 4\.0; expected 1\.0, 2/],
    ["names the minor version", npyBytes(good, four, { version: [1, 1] }), /its version is 1\.1/],
    [
      "tells a header beyond the file",
      npyBytes(good, four, { lengthOf: () => 60_000 }),
      /header is said to have 60000 bytes; expected at most 134$/,
    ],
    [
      "tells a header of gigabytes",
      npyBytes(good, four, { version: [2, 0], lengthOf: () => 2 ** 31 }),
      /header is said to have 2147483648 bytes/,
    ],
    [
      "counts the bytes of a truncated file",
      npyBytes(good, four.subarray(0, 12)),
      /has 140 bytes and is truncated; expected 144 bytes for shape \[2, 2\] of f4$/,
    ],
    [
      "counts the bytes of one that is too long",
      npyBytes(npyHeader("<f4", [1, 2]), four),
      /has 144 bytes and is too long; expected 136 bytes/,
    ],
    ["names a type that is none of numbers", npyBytes(npyHeader("<U7", [1]), four), /its type is '<U7'/],
    [
      "names complex numbers",
      npyBytes(npyHeader("<c8", [2]), four),
      /its type is '<c8'; expected one of i1,/,
    ],
    ["refuses the machine's own order", npyBytes(npyHeader("=f4", [4]), four), /its type is '=f4'/],
    ["refuses an order for a single byte", npyBytes(npyHeader("<u1", [16]), four), /its type is '<u1'/],
    [
      "shows a header of named fields",
      npyBytes("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }", four),
      /its header is "\{'descr': \[\('a', '<f4'\)\].*of numbers without names$/,
    ],
    [
      "shows a header with a further key",
      npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'more': True, }", four),
      /its header is/,
    ],
    [
      "shows a header with a key twice",
      npyBytes("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (4,), }", four),
      /its header is/,
    ],
    ["shows a header with a key less", npyBytes("{'descr': '<f4', 'shape': (4,), }", four), /its header is/],
    [
      "shows code",
      npyBytes("{'descr': '<f4', 'fortran_order': exit(), 'shape': (4,), }", four),
      /its header/,
    ],
    [
      "names a shape of no size",
      npyBytes(npyHeader("<f4", []), four),
      /its shape is \(\); expected one or two/,
    ],
    ["names a shape of three sizes", npyBytes(npyHeader("<f4", [2, 2, 1]), four), /its shape is \(2, 2, 1\)/],
    [
      "names a shape beyond all memory",
      npyBytes(npyHeader("<f4", [2 ** 40, 2 ** 40]), four),
      /its shape is \(1099511627776, 1099511627776\)/,
    ],
  ])("%s", (_, bytes, message) => {
    expect(() => parseNpy(bytes, "digits.npy")).toThrow(NpyError);
    expect(() => parseNpy(bytes, "digits.npy")).toThrow(/^Cannot read "digits\.npy" as an NPY file: /);
    expect(() => parseNpy(bytes, "digits.npy")).toThrow(message);
  });
});

describe("an NPZ file", () => {
  const zip = zipOf({
    "logits.npy": floats([1, 2], [1, 2]),
    "other.npy": Uint8Array.of(1),
    "ids.txt": Uint8Array.of(2),
  });

  it("gives the arrays that are asked for, and looks at no others", () => {
    const arrays = readNpz(zip, "f.npz", ["logits", "ids"]);
    expect([...arrays.keys()]).toEqual(["logits"]);
    expect(numbersOf(arrays.get("logits") as NpyArray)).toEqual([1, 2]);
  });

  it("that is truncated, or no ZIP archive, is refused by its name", () => {
    for (const bytes of [zip.subarray(0, zip.length - 30), new Uint8Array(10), new Uint8Array(200_000)]) {
      expect(() => readNpz(bytes, "f.npz", ["logits"])).toThrow(NpzError);
      expect(() => readNpz(bytes, "f.npz", ["logits"])).toThrow(
        /^Cannot read "f\.npz" \(\d+ bytes\) as an NPZ/,
      );
    }
  });

  it("that says it unpacks to 4 GB is refused before that is taken", () => {
    const bomb = Buffer.from(zip);
    // The directory's entry of logits.npy: method 8, and the size once it is unpacked.
    const entry = bomb.indexOf("PK\x01\x02", 0, "latin1");
    bomb.writeUInt16LE(8, entry + 10);
    bomb.writeUInt32LE(4_000_000_000, entry + 24);
    const before = process.memoryUsage().arrayBuffers;
    expect(() => readNpz(bomb, "f.npz", ["logits"])).toThrow(/logits\.npy unpacks to 4000000000 bytes/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e8);
  });

  it("that lists more entries than any labels have is refused", () => {
    const empty = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`${i}.npy`, new Uint8Array()]));
    expect(() => readNpz(zipOf(empty), "f.npz", ["logits"])).toThrow(/lists more than 1000 arrays/);
  });

  it("whose array is no NPY file names both", () => {
    expect(() => readNpz(zip, "f.npz", ["other"])).toThrow('Cannot read "f.npz/other.npy" as an NPY file');
  });
});
