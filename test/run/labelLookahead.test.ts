import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Batch } from "../../shared/compute/planBatches.ts";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { StudentSpec } from "../../shared/config/spec.ts";
import { type Dataset, shardOf } from "../../shared/data/dataset.ts";
import { placeOf } from "../../shared/data/samplePlace.ts";
import { encodeLogits } from "../../shared/labels/encoding.ts";
import { LabelStoreReader } from "../../shared/labels/labelStoreReader.ts";
import { LabelStoreWriter, type LoggedPart } from "../../shared/labels/labelStoreWriter.ts";
import { studentBatches } from "../../student-node/batchPlan.ts";
import { LabelLookahead } from "../../student-node/labelLookahead.ts";

const CLASSES = 3;
const CHUNK = 8;
/** 12 chunks of 8, all of them training samples; a window has two. */
const ROWS = 96;
const WINDOW = 2 * CHUNK;
/** Of two teachers, in two bytes a class. */
const SAMPLE_BYTES = 2 * 2 * CLASSES;
const EPOCHS = 3;
/** Of the shard's 4 tokens a row has 2 or 4: of five rows four are short. */
const TOKENS = 4;

const dataset: Dataset = {
  name: "lookahead",
  hash: "lookahead",
  inputShape: [TOKENS],
  classes: CLASSES,
  inputScale: 1,
  shards: [
    {
      hash: "ab".repeat(16),
      rows: ROWS,
      inputs: Float32Array.from({ length: ROWS * TOKENS }, (_, i) =>
        i % TOKENS < 2 || Math.floor(i / TOKENS) % 5 === 0 ? 1 : 0,
      ),
    },
  ],
  labels: [new Int32Array(ROWS)],
  splits: {
    train: Uint32Array.from({ length: ROWS }, (_, row) => row),
    validation: new Uint32Array(),
    test: new Uint32Array(),
  },
};

const logit = (teacher: number, place: number): number => 500 * teacher + place;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stillhouse-lookahead-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A student node that has read all labels and kept those of the first chunks. */
function node(keptChunks: number) {
  const writer = new LabelStoreWriter(folder, { maxBytes: keptChunks * CHUNK * SAMPLE_BYTES });
  const reads: LoggedPart[] = [];
  const payload = ({ teacher, chunk }: { teacher: number; chunk: number }): Uint8Array =>
    encodeLogits(
      "half",
      Float32Array.from({ length: CHUNK * CLASSES }, (_, i) =>
        logit(teacher, chunk * CHUNK + Math.floor(i / CLASSES)),
      ),
      CLASSES,
      "it",
    );
  const reader = new LabelStoreReader(
    writer.path,
    {
      encodings: [0, 1].map(() => ({ stored: "half", tail: "uniform", undeclared: "refuse" }) as const),
      classes: CLASSES,
      chunkSize: CHUNK,
      cacheBytes: 1e6,
    },
    async (parts) => {
      reads.push(...parts);
      return parts.map(payload);
    },
  );
  for (let chunk = 0; chunk < ROWS / CHUNK; chunk++) {
    for (const teacher of [0, 1]) {
      const part = { teacher, view: 0, shard: 0, chunk, from: 0, rows: CHUNK };
      reader.add(writer.append(part, payload(part)));
    }
  }
  const close = (): void => {
    reader.close();
    writer.close();
  };
  return { reader, reads, close };
}

/** Trains from a step on, and tells what was held before each step, and in which it waited. */
async function trained(
  { reader }: ReturnType<typeof node>,
  about: { batch?: number; lengthBuckets?: number[]; shuffle?: "all" | "windows"; from?: number } = {},
) {
  const { batch = 5, lengthBuckets, shuffle = "windows", from = 0 } = about;
  const training = {
    job: { kind: "student", seed: 1 } as const,
    runSeed: 0,
    chunkSize: CHUNK,
    views: undefined,
    teachers: ["ada", "bea"],
    student: StudentSpec.parse({
      model: ArchSpec.parse({ arch: "mlp", hidden: [2] }),
      train: { epochs: EPOCHS, batch, ...(lengthBuckets && { lengthBuckets }) },
      shuffle,
      shuffleChunks: 2,
    }),
  };
  const batchesOf = studentBatches(training, dataset);
  const lookahead = new LabelLookahead(training, dataset, batchesOf, reader);
  const steps = batchesOf(0).length;
  const held: number[] = [];
  const waits: number[] = [];
  const out = new Float32Array(CLASSES);
  for (let step = from; step < steps * EPOCHS; step++) {
    const [epoch, index] = [Math.floor(step / steps), step % steps];
    const wait = lookahead.ready(epoch, index);
    if (wait) waits.push(step);
    await wait;
    held.push(reader.heldBytes / SAMPLE_BYTES);
    for (const id of (batchesOf(epoch)[index] as Batch).ids) {
      const place = placeOf(dataset, id);
      for (const teacher of [0, 1]) {
        reader.read(teacher, shardOf(id), place, out, 0);
        expect(out[0]).toBe(logit(teacher, place));
      }
    }
    // As a training does between two steps, so that what has come in is taken.
    await new Promise((resolve) => setImmediate(resolve));
  }
  lookahead.close();
  return { steps, held, waits };
}

describe("a training whose labels lie in the log alone", () => {
  it("reads each part once an epoch, holds two windows, and waits before its first step alone", async () => {
    const one = node(0);
    const { held, waits } = await trained(one);
    expect(one.reads).toHaveLength(12 * 2 * EPOCHS);
    expect(new Set(one.reads).size).toBe(12 * 2);
    expect(Math.max(...held)).toBeLessThanOrEqual(2 * WINDOW);
    // The second window is on its way while the first is trained.
    expect(held[1]).toBeGreaterThan(WINDOW);
    expect(waits).toEqual([0]);
    expect(one.reader.heldBytes).toBe(0);
    one.close();
  });

  it("reads those again alone that the file has no room for", async () => {
    const one = node(4);
    await trained(one);
    expect(one.reads).toHaveLength(8 * 2 * EPOCHS);
    expect(one.reads.every(({ chunk }) => chunk >= 4)).toBe(true);
    one.close();
  });

  it("reads what is left of an epoch where it goes on within a window", async () => {
    const one = node(0);
    // 20 steps an epoch, the last of one sample. After 9 steps of epoch 1, 45 samples: two windows and 13 samples of the third,
    // of which three are left, of both its chunks.
    const { steps } = await trained(one, { from: 20 + 9 });
    expect(steps).toBe(20);
    // Of this epoch the third window and three more, of two chunks each.
    expect(one.reads).toHaveLength((4 * 2 + 12) * 2);
    one.close();
  });

  it("holds what a batch needs where that is more than two windows", async () => {
    const one = node(0);
    // A batch of 40 has samples of three windows.
    const { held } = await trained(one, { batch: 40 });
    expect(Math.max(...held)).toBeLessThanOrEqual(WINDOW + 40);
    expect(one.reads).toHaveLength(12 * 2 * EPOCHS);
    one.close();
  });

  it("holds samples that wait for the next batch of their bucket, and not the chunks that they came with", async () => {
    const one = node(0);
    const { held, steps } = await trained(one, { lengthBuckets: [2, 4] });
    // Of 96 rows 20 are long: 4 batches of these, and 16 of the others, the last of one.
    expect(steps).toBe(4 + 16);
    // Two windows, or one and two batches: those are fewer.
    expect(Math.max(...held)).toBeLessThanOrEqual(2 * WINDOW);
    expect(one.reads).toHaveLength(12 * 2 * EPOCHS);
    one.close();
  });

  it("would hold nearly all of them over all samples, which a plan refuses", async () => {
    const one = node(0);
    const { held, steps } = await trained(one, { shuffle: "all" });
    expect(Math.max(...held.slice(steps))).toBeGreaterThan(4 * WINDOW);
    one.close();
  });
});
