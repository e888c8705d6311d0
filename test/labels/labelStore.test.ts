import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  type writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeLogits } from "../../shared/labels/encoding.ts";
import { LabelStoreReader, LabelsNotHeld } from "../../shared/labels/labelStoreReader.ts";
import { NoRoomForLabels, requireRoomForLabels } from "../../shared/labels/labelStoreRoom.ts";
import { LabelStoreWriter, type LoggedPart } from "../../shared/labels/labelStoreWriter.ts";

const classes = 3;
const half = { stored: "half", tail: "uniform", undeclared: "refuse" } as const;
const encodings = Array.from({ length: 6 }, () => half);
const chunkSize = 8;
/** What teacher `t` says of place `p` of shard `s`: any number that names them all. */
const logit = (t: number, s: number, p: number, c: number): number => 1000 * t + 300 * s + 3 * p + c;
/** Each chunk has the parts [0, 5) and [5, 8). */
const parts = [0, 1].flatMap((teacher) =>
  [0, 1].flatMap((shard) =>
    [0, 1, 2].flatMap((chunk) =>
      [
        [0, 5],
        [5, 8],
      ].map(([from = 0, to = 0]) => ({ teacher, view: 0, shard, chunk, from, rows: to - from })),
    ),
  ),
);
const payloadOf = ({ teacher, shard, chunk, from, rows }: (typeof parts)[number]): Uint8Array =>
  encodeLogits(
    "half",
    Float32Array.from({ length: rows * classes }, (_, i) =>
      logit(teacher, shard, chunk * chunkSize + from + Math.floor(i / classes), i % classes),
    ),
    classes,
    "it",
  );

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stillhouse-store-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function filled(cacheBytes: number): { writer: LabelStoreWriter; reader: LabelStoreReader } {
  const writer = new LabelStoreWriter(folder);
  const reader = new LabelStoreReader(writer.path, { encodings, classes, chunkSize, cacheBytes });
  // Not in their order, as teachers answer when they will.
  for (const part of [...parts].reverse()) reader.add(writer.append(part, payloadOf(part)));
  return { writer, reader };
}

describe("the store of labels", () => {
  it.each([
    ["that holds all", 1e6],
    ["of one part", 30],
    ["of nothing", 1],
  ])("gives each sample its labels, in any order, with a memory %s", (_, cacheBytes) => {
    const { writer, reader } = filled(cacheBytes);
    const out = new Float32Array(2 * classes);
    for (const stride of [1, 7, 11]) {
      for (let i = 0; i < 24; i++) {
        const place = (i * stride) % 24;
        for (const teacher of [0, 1]) {
          for (const shard of [1, 0]) {
            reader.read(teacher, shard, place, out, 1);
            expect([...out.subarray(classes)]).toEqual([0, 1, 2].map((c) => logit(teacher, shard, place, c)));
          }
        }
      }
    }
    reader.close();
    writer.close();
  });

  it("may be read while it is written", () => {
    const writer = new LabelStoreWriter(folder);
    const reader = new LabelStoreReader(writer.path, { encodings, classes, chunkSize, cacheBytes: 1 });
    const out = new Float32Array(classes);
    for (const part of parts) {
      expect(() => reader.read(part.teacher, part.shard, part.chunk * chunkSize + part.from, out, 0)).toThrow(
        `Cannot read the labels of teacher ${part.teacher}, shard ${part.shard}, chunk ${part.chunk}, place ${part.from}: they have not arrived`,
      );
      reader.add(writer.append(part, payloadOf(part)));
      reader.read(part.teacher, part.shard, part.chunk * chunkSize + part.from, out, 0);
      expect(out[0]).toBe(logit(part.teacher, part.shard, part.chunk * chunkSize + part.from, 0));
    }
    reader.close();
    writer.close();
  });

  it("counts its bytes, and leaves no file when it is closed", () => {
    const { writer, reader } = filled(1e6);
    // 24 places of 3 classes in two bytes, for two shards and two teachers.
    expect(writer.bytes).toBe(24 * 3 * 2 * 2 * 2);
    expect(existsSync(writer.path)).toBe(true);
    reader.close();
    writer.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("says so when its file ends too early", () => {
    const { writer, reader } = filled(1e6);
    reader.add({
      teacher: 5,
      view: 0,
      shard: 0,
      chunk: 0,
      from: 0,
      rows: 5,
      file: 0,
      offset: writer.bytes - 1,
      bytes: 30,
    });
    expect(() => reader.read(5, 0, 0, new Float32Array(classes), 0)).toThrow(/the label store ends/);
    reader.close();
    writer.close();
  });
});

describe("a store that is closed", () => {
  it("writes into no file that has its descriptor now", () => {
    const writer = new LabelStoreWriter(folder);
    writer.close();
    const other = join(folder, "other");
    // The system gives the lowest descriptor that is free, which is the store's.
    const file = openSync(other, "wx");
    const [part] = parts;
    if (!part) throw new Error("there are no parts");
    expect(() => writer.append(part, payloadOf(part))).toThrow(/this label store is closed/);
    closeSync(file);
    expect(readFileSync(other)).toHaveLength(0);
    // A second end ends nothing.
    writer.close();
  });
});

describe("a store with a budget", () => {
  /** A part of 5 rows takes 30 bytes and one of 3 rows 18, so a chunk 48. */
  const budget = 48 + 30;
  const again: LoggedPart[] = [];
  afterEach(() => void again.splice(0));

  function budgeted() {
    const writer = new LabelStoreWriter(folder, { maxBytes: budget });
    const reader = new LabelStoreReader(
      writer.path,
      { encodings, classes, chunkSize, cacheBytes: 1e6 },
      async (asked) => {
        again.push(...asked);
        return asked.map((part) => payloadOf(part));
      },
    );
    const known = parts.map((part) => writer.append(part, payloadOf(part)));
    for (const part of known) reader.add(part);
    const end = (): void => {
      reader.close();
      writer.close();
    };
    return { writer, reader, known, end };
  }

  it("keeps what came first and fits, and says of the rest that it lies in the log alone", () => {
    const { writer, known, end } = budgeted();
    // 30, 18 and 30 bytes are 78, and nothing is left.
    expect(known.map(({ offset }) => offset).slice(0, 4)).toEqual([0, 30, 48, undefined]);
    expect(known.filter(({ offset }) => offset !== undefined)).toHaveLength(3);
    expect(writer.bytes).toBe(budget);
    end();
  });

  it("gives labels that are held, until they are let go as often", async () => {
    const { reader, end } = budgeted();
    const out = new Float32Array(classes);
    const read = (place: number): number => {
      reader.read(1, 0, place, out, 0);
      return out[0] as number;
    };
    const of = (...places: number[]) => ({
      view: 0,
      teachers: [1],
      samples: places.map((place) => ({ shard: 0, place })),
    });
    expect(() => read(3)).toThrow(LabelsNotHeld);
    await reader.hold(of(3, 6));
    // Of places 3 and 6 of chunk 0 the one is in its first part, the other in its second.
    expect(again.map(({ from }) => from)).toEqual([0, 5]);
    expect([read(3), read(6)]).toEqual([logit(1, 0, 3, 0), logit(1, 0, 6, 0)]);
    expect(() => read(4)).toThrow(LabelsNotHeld);
    expect(reader.heldBytes).toBe(2 * 6);
    await reader.hold(of(3));
    reader.letGo(of(3, 6));
    expect(read(3)).toBe(logit(1, 0, 3, 0));
    expect(() => read(6)).toThrow(LabelsNotHeld);
    reader.letGo(of(3));
    expect(reader.heldBytes).toBe(0);
    end();
  });

  it("holds nothing of a teacher that a decision has left out", async () => {
    const { reader, end } = budgeted();
    reader.presence.decide({ view: 0, shard: 1, chunk: 2, present: [0] });
    await reader.hold({ view: 0, teachers: [0, 1], samples: [{ shard: 1, place: 16 }] });
    expect(again.map(({ teacher }) => teacher)).toEqual([0]);
    end();
  });

  it("keeps nothing that comes after all was let go", async () => {
    const { reader, end } = budgeted();
    const holding = reader.hold({ view: 0, teachers: [1], samples: [{ shard: 0, place: 3 }] });
    reader.letGoAll();
    await holding;
    expect(reader.heldBytes).toBe(0);
    end();
  });

  it("gives all labels block by block, in any order, and reads each part once", async () => {
    const { reader, end } = budgeted();
    const samples = Array.from({ length: 24 }, (_, i) => ({ shard: 0, place: (i * 7) % 24 }));
    const seen: number[] = [];
    const out = new Float32Array(classes);
    await reader.inBlocks(1, samples, (which) => {
      for (const i of which) {
        const place = samples[i]?.place as number;
        reader.read(1, 0, place, out, 0);
        expect(out[0]).toBe(logit(1, 0, place, 0));
        seen.push(place);
      }
    });
    expect(seen.sort((a, b) => a - b)).toEqual([...Array(24).keys()]);
    // Three chunks of two parts.
    expect(again).toHaveLength(6);
    expect(reader.heldBytes).toBe(0);
    end();
  });
});

describe("a store with a file for each view", () => {
  it("gives back the room of views that are let go, and no other's labels", () => {
    const writer = new LabelStoreWriter(folder, { byView: true, maxBytes: 3 * 30 });
    const reader = new LabelStoreReader(writer.path, { encodings, classes, chunkSize, cacheBytes: 1 });
    const [part] = parts;
    if (!part) throw new Error("there are no parts");
    const add = (view: number) => {
      const known = writer.append({ ...part, view }, payloadOf(part));
      reader.add(known);
      return known.offset;
    };
    expect([0, 1, 2, 3].map(add)).toEqual([0, 0, 0, undefined]);
    const out = new Float32Array(classes);
    const read = (view: number): number => {
      out.fill(-1);
      reader.at(view).read(0, 0, 2, out, 0);
      return out[0] as number;
    };
    expect([0, 1, 2, 0].map(read)).toEqual(Array(4).fill(logit(0, 0, 2, 0)));
    writer.letGoBefore(2);
    expect(writer.bytes).toBe(2 * 30);
    expect(add(4)).toBe(0);
    expect([0, 2, 4].map(read)).toEqual(Array(3).fill(logit(0, 0, 2, 0)));
    expect(() => read(1)).toThrow(/they were let go, as checkpoints of all students are past them/);
    // Of three files, the samples' own among them.
    expect(readdirSync(join(writer.path, ".."))).toHaveLength(3);
    reader.close();
    writer.close();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a disk without room", () => {
  it("is told by what was to be written, what there is, where, and what helps", () => {
    const full: typeof writeSync = () => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    };
    let writes = 0;
    const writer = new LabelStoreWriter(folder, {
      write: ((...args: Parameters<typeof writeSync>) => {
        if (writes++ > 0) return full(...args);
        return (args[1] as unknown as Uint8Array).byteLength;
      }) as typeof writeSync,
    });
    const [first, second] = parts;
    if (!first || !second) throw new Error("there are no parts");
    writer.append(first, payloadOf(first));
    expect(() => writer.append(second, payloadOf(second))).toThrow(NoRoomForLabels);
    expect(() => writer.append(second, payloadOf(second))).toThrow(
      `Cannot keep the 18 bytes of labels of teacher 0, shard 0, view 0, chunk 0 in ${folder} as its disk is full: the label store has 30 bytes; free some, let TMPDIR name another folder, or lower student.labelStoreBytes`,
    );
    writer.close();
  });

  it("is refused before anything is read, where it has less than the store may come to hold", () => {
    requireRoomForLabels(folder, 1000, () => 1000);
    expect(() => requireRoomForLabels(folder, 1001, () => 1000)).toThrow(
      `Cannot keep up to 1001 bytes of labels in ${folder} as its disk has 1000 bytes free`,
    );
    expect(() => requireRoomForLabels(folder, 2 ** 60)).toThrow(NoRoomForLabels);
  });
});
