import { describe, expect, it } from "vitest";
import { type Rng, rng } from "../../../shared/determinism/rng.ts";
import {
  bytesPerRow,
  decodeRow,
  decodeStored,
  encodeLogits,
  firstFault,
  UnusableLogits,
} from "../../../shared/labels/encoding.ts";
import type { Reading } from "../../../shared/labels/reading.ts";
import { StoredEncoding } from "../../../shared/protocol/storedEncoding.ts";

interface Case {
  readonly classes: number;
  readonly rows: number;
  readonly logits: Float32Array;
  readonly encoding: StoredEncoding;
}

const sizes = [1, 2, 3, 10, 255, 256, 257, 600];
/** How a number is drawn: as teachers give them, with many ties, all alike, far apart, hardly apart. */
const kinds: readonly ((stream: Rng) => number)[] = [
  (stream) => 4 * stream.normal(),
  (stream) => stream.below(4) - 2,
  () => -7.25,
  (stream) => (stream.uniform() - 0.5) * 131_000,
  (stream) => 2 ** -24 * stream.below(3),
  (stream) => (stream.below(50) === 0 ? 60_000 : stream.uniform()),
];

function drawCase(i: number): Case {
  const stream = rng("encodings", i);
  const pick = <T>(of: readonly T[]): T => of[stream.below(of.length)] as T;
  const [classes, rows, kind] = [pick(sizes), stream.below(4), pick(kinds)];
  const k = 1 + stream.below(pick([3, 60, classes + 3]));
  const temperatures = pick([[1], [1, 2, 4], [0.5, 3], [0.25, 0.5, 1, 2, 4, 8], [20]]);
  const draws = 1 + stream.below(pick([3, 100]));
  const encoding = pick<StoredEncoding>([
    "half",
    "float32",
    "int8",
    { kind: "top-k", k, temperatures },
    { kind: "top-k", k, packed: true, temperatures },
    { kind: "sampled", draws, temperature: pick([1, 2.5]) },
  ]);
  const logits = Float32Array.from({ length: rows * classes }, () => kind(stream));
  return { classes, rows, logits, encoding };
}

const cases = Array.from({ length: 600 }, (_, i) => drawCase(i));
const ofKind = (kind: string): Case[] =>
  cases.filter(({ encoding }) => (typeof encoding === "string" ? encoding : encoding.kind) === kind);
const encodeCase = ({ encoding, logits, classes }: Case): Uint8Array =>
  encodeLogits(encoding, logits, classes, "it", (row) => rng("draws", row));

function decodeAll({ encoding, classes, rows }: Case, bytes: Uint8Array, reading?: Reading): Float32Array[] {
  return Array.from({ length: rows }, (_, row) => {
    const out = new Float32Array(classes);
    decodeRow(encoding, bytes, row * bytesPerRow(encoding, classes), classes, out, 0, reading);
    return out;
  });
}

const rowOf = ({ logits, classes }: Case, row: number): Float32Array =>
  logits.subarray(row * classes, (row + 1) * classes);

describe("labels of any shape, encoding and numbers", () => {
  it("have the size that is said, no fault, and decode to finite numbers, none where there are no rows", () => {
    for (const one of cases) {
      const bytes = encodeCase(one);
      expect(StoredEncoding.safeParse(one.encoding).success).toBe(true);
      expect(bytes.byteLength).toBe(one.rows * bytesPerRow(one.encoding, one.classes));
      expect(firstFault(one.encoding, one.classes, bytes)).toBeUndefined();
      const reading = { temperature: 3, tail: "uniform", undeclared: "uniform" } as const;
      expect(decodeAll(one, bytes, reading).every((row) => row.every(Number.isFinite))).toBe(true);
    }
    expect(cases.filter(({ rows }) => rows === 0).length).toBeGreaterThan(50);
    expect(cases.filter(({ classes }) => classes === 1).length).toBeGreaterThan(30);
  });

  it("are the same bits wherever they stand in memory, and fill their row of the output alone", () => {
    for (const one of cases.filter(({ rows }) => rows > 1)) {
      const { encoding, classes } = one;
      const bytes = encodeCase(one);
      const shifted = new Uint8Array(bytes.length + 3);
      shifted.set(bytes, 3);
      const out = new Float32Array(3 * classes).fill(5);
      const from = 3 + bytesPerRow(encoding, classes);
      const reading = { temperature: 2, tail: "uniform", undeclared: "uniform" } as const;
      decodeRow(encoding, shifted, from, classes, out, 1, reading);
      expect(out.subarray(classes, 2 * classes)).toEqual(decodeAll(one, bytes, reading)[1]);
      expect([...out.subarray(0, classes), ...out.subarray(2 * classes)].every((z) => z === 5)).toBe(true);
    }
  });

  it("refuse a number that is none, naming its row, class and value", () => {
    const stream = rng("not finite");
    for (const one of cases.filter(({ rows }) => rows > 0)) {
      const place = stream.below(one.logits.length);
      const value = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][place % 3];
      const logits = one.logits.slice();
      logits[place] = value as number;
      const where = `row ${Math.floor(place / one.classes)} class ${place % one.classes} is ${value}:`;
      expect(() => encodeCase({ ...one, logits })).toThrow(UnusableLogits);
      expect(() => encodeCase({ ...one, logits })).toThrow(where);
    }
  });

  it("with a byte more or less are none", () => {
    for (const one of cases.filter(({ rows }) => rows > 0)) {
      const bytes = encodeCase(one);
      expect(firstFault(one.encoding, one.classes, bytes.subarray(1))).toMatch(
        /^row \d+ has \d+ of \d+ bytes$/,
      );
      expect(firstFault(one.encoding, one.classes, new Uint8Array([...bytes, 0]))).toBeDefined();
    }
  });
});

describe("the error", () => {
  it("of half is at most half of a last place: 2^-12 of the power of two above, or 2^-25", () => {
    for (const one of ofKind("half")) {
      decodeAll(one, encodeCase(one)).forEach((decoded, row) => {
        rowOf(one, row).forEach((z, c) => {
          // 11 significant bits: the last place of z in [2^n, 2^(n+1)) is 2^(n-10), so half of it at most |z| 2^-11.
          const bound = Math.max(Math.abs(z) * 2 ** -11, 2 ** -25);
          expect(Math.abs((decoded[c] as number) - z)).toBeLessThanOrEqual(bound);
        });
      });
    }
  });

  it("of float32 is none", () => {
    for (const one of ofKind("float32")) {
      expect(decodeAll(one, encodeCase(one)).flatMap((row) => [...row])).toEqual([...one.logits]);
    }
  });

  it("of int8 is at most half a step, a 510th of the row's range, but for the rounding of float32", () => {
    for (const one of ofKind("int8")) {
      decodeAll(one, encodeCase(one)).forEach((decoded, row) => {
        const logits = rowOf(one, row);
        const [low, high] = [Math.min(...logits), Math.max(...logits)];
        // The step is rounded by 2^-24 of itself, 255 times over: at most (high - low) 2^-24; the value by 2^-24 of
        // itself. A subnormal step is rounded by 2^-150, 255 times over.
        const rounding = (high - low + Math.max(Math.abs(low), Math.abs(high))) * 2 ** -24 + 255 * 2 ** -150;
        logits.forEach((z, c) => {
          const error = Math.abs((decoded[c] as number) - z);
          // By a factor of 1e-9 for what float64 rounds in between.
          expect(error).toBeLessThanOrEqual(((high - low) / 510) * (1 + 1e-9) + rounding);
        });
      });
    }
  });
});

/** Softmax at T in float64, and what goes with it. */
function softmax(logits: ArrayLike<number>, T: number): number[] {
  const all = Array.from(logits);
  const max = all.reduce((most, z) => Math.max(most, z), Number.NEGATIVE_INFINITY);
  const powers = all.map((z) => Math.exp((z - max) / T));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

describe("top-k", () => {
  it("lists the k largest, of equal ones those of lower number, as a sort of all does", () => {
    for (const one of ofKind("top-k")) {
      const { encoding, classes, rows } = one;
      if (typeof encoding === "string" || encoding.kind !== "top-k") continue;
      const bytes = encodeCase(one);
      for (let row = 0; row < rows; row++) {
        const logits = rowOf(one, row);
        const order = [...logits.keys()].sort(
          (a, b) => (logits[b] as number) - (logits[a] as number) || a - b,
        );
        const from = row * bytesPerRow(encoding, classes);
        const k = Math.min(encoding.k, classes);
        const listed = order.slice(0, k);
        if (!encoding.packed) {
          const ids =
            classes <= 256
              ? [...bytes.subarray(from, from + k)]
              : Array.from({ length: k }, (_, slot) =>
                  new DataView(bytes.buffer).getUint16(from + 2 * slot, true),
                );
          expect(ids).toEqual(listed);
        }
        const stored = new Float32Array(classes);
        decodeStored(encoding, bytes, from, classes, stored, 0);
        expect([...stored.keys()].filter((c) => stored[c] === 1)).toEqual(listed.toSorted((a, b) => a - b));
      }
    }
  });

  it("gives at every stored temperature what dense labels give, up to the rounding of halves or bytes, and its tail the same share", () => {
    for (const one of ofKind("top-k")) {
      const { encoding, classes } = one;
      if (typeof encoding === "string" || encoding.kind !== "top-k") continue;
      const bytes = encodeCase(one);
      for (const T of encoding.temperatures) {
        const reading = { temperature: T, tail: "uniform", undeclared: "refuse" } as const;
        decodeAll(one, bytes, reading).forEach((decoded, row) => {
          const logits = rowOf(one, row);
          const max = Math.max(...logits);
          const [p, q] = [softmax(logits, T), softmax(decoded, T)];
          const stored = new Float32Array(classes);
          decodeStored(encoding, bytes, row * bytesPerRow(encoding, classes), classes, stored, 0);
          // d_i / T is off by e_i <= |d_i| 2^-11 / T, packed by range / 510 / T, and log of the sum over all by the mean of these under p, so that
          // log p_i is off by no more than both. The tail's share is off by the latter, and by float32's rounding of its
          // log, at most |log| 2^-23 with that of the logit decoded.
          const least = Math.min(...logits.filter((_, c) => stored[c] === 1));
          const e = Array.from(logits, (z) =>
            encoding.packed
              ? ((max - least) * (1 + 1e-6)) / 510 / T
              : (Math.max(z - max, -65_504) - (z - max) + (max - z) * 2 ** -11) / T,
          );
          const off = p.reduce((sum, pi, c) => sum + pi * (e[c] as number), 0);
          let [tailP, tailQ] = [0, 0];
          for (let c = 0; c < classes; c++) {
            const [pc, qc] = [p[c] as number, q[c] as number];
            if (stored[c] === 1) {
              if (pc < 1e-30) continue;
              const bound = ((e[c] as number) + off) * 1.01 + 1e-5;
              expect(Math.abs(Math.log(qc / pc))).toBeLessThanOrEqual(bound);
            } else {
              tailP += pc;
              tailQ += qc;
            }
          }
          if (tailP < 1e-30) expect(tailQ).toBeLessThan(1e-29);
          else {
            const bound = off * 1.01 + (Math.abs(Math.log(tailP)) + Math.log(classes) + 1) * 2 ** -22 + 1e-5;
            expect(Math.abs(Math.log(tailQ / tailP))).toBeLessThanOrEqual(bound);
          }
        });
      }
    }
  });

  it("decodes with a ghost as with a uniform tail, and renormalised with nothing in it", () => {
    for (const one of ofKind("top-k")) {
      const { encoding, classes } = one;
      if (typeof encoding === "string" || encoding.kind !== "top-k") continue;
      const bytes = encodeCase(one);
      const [temperature = 1] = encoding.temperatures;
      const read = (tail: Reading["tail"]): Float32Array[] =>
        decodeAll(one, bytes, { temperature, tail, undeclared: "refuse" });
      expect(read("ghost")).toEqual(read("uniform"));
      read("renormalised").forEach((decoded, row) => {
        const stored = new Float32Array(classes);
        decodeStored(encoding, bytes, row * bytesPerRow(encoding, classes), classes, stored, 0);
        softmax(decoded, temperature).forEach((p, c) => {
          if (stored[c] === 0) expect(p).toBe(0);
        });
      });
    }
  });
});
