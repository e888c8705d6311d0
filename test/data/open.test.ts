import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { DataSpec } from "../../shared/config/dataSpec.ts";
import { parseSpec } from "../../shared/config/load.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { gatherInputs, gatherLabels, gatherRows } from "../../shared/data/gather.ts";
import { DatasetMismatch, openDataset, requireDataset } from "../../shared/data/open.ts";
import { bytesIdx, floatIdx, folderOf } from "./idxFiles.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((remove) => remove()));
});

/** Opens four files of 2x2 images, some of them replaced. */
async function openFiles(
  changes: Record<string, Uint8Array | undefined> = {},
  keys: Record<string, unknown> = {},
): Promise<Dataset> {
  const files: Record<string, Uint8Array | undefined> = {
    "train-x": bytesIdx(
      [20, 2, 2],
      Array.from({ length: 80 }, (_, i) => i),
    ),
    "train-y": bytesIdx(
      [20],
      Array.from({ length: 20 }, (_, i) => i % 2),
    ),
    "test-x": bytesIdx([2, 2, 2], [0, 51, 102, 255, 1, 2, 3, 4]),
    "test-y": bytesIdx([2], [1, 0]),
    ...changes,
  };
  const present = Object.entries(files).filter((file): file is [string, Uint8Array] => file[1] !== undefined);
  const { dir, remove } = await folderOf(Object.fromEntries(present));
  cleanups.push(remove);
  const spec = {
    format: "idx",
    train: { inputs: "train-x", labels: "train-y" },
    test: { inputs: "test-x", labels: "test-y" },
  };
  return openDataset(DataSpec.parse({ ...spec, ...keys }), dir);
}

describe("MNIST", () => {
  it("opens from its package with 60,000 and 10,000 samples, a tenth of train held out", async () => {
    const mnist = await openDataset(DataSpec.parse({ dataset: "mnist" }), ".");
    expect(mnist.inputShape).toEqual([28, 28, 1]);
    expect(mnist.classes).toBe(10);
    expect(mnist.inputScale).toBe(1 / 255);
    expect(mnist.shards.map((shard) => shard.rows)).toEqual([60_000, 10_000]);
    // The first labels of the published files.
    expect([...gatherLabels(mnist, [0, 1, 2, 3, 4])]).toEqual([5, 0, 4, 1, 9]);
    expect([...gatherLabels(mnist, [65_536, 65_537, 65_538])]).toEqual([7, 2, 1]);
    expect(mnist.splits.test.length).toBe(10_000);
    expect(mnist.splits.train.length + mnist.splits.validation.length).toBe(60_000);

    // The classes of the published file, of each of which a tenth is held out, halves upwards.
    const sizes = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];
    const held = new Array<number>(10).fill(0);
    for (const label of gatherLabels(mnist, mnist.splits.validation)) held[label] = (held[label] ?? 0) + 1;
    expect(held).toEqual(sizes.map((size) => Math.floor(size / 10 + 0.5)));
  });
});

describe("a synthetic dataset", () => {
  const spec = { format: "synthetic", train: 400, test: 101, features: 3, classes: 4 };
  const open = (changes: Record<string, unknown> = {}): Promise<Dataset> =>
    openDataset(DataSpec.parse({ ...spec, ...changes }), ".");

  it("is the same for the same seed and another for another", async () => {
    const [a, b, c] = await Promise.all([open(), open(), open({ seed: 1 })]);
    expect(a.hash).toBe(b.hash);
    expect(a.hash).not.toBe(c.hash);
    expect(a.inputShape).toEqual([3]);
    expect(a.inputScale).toBe(1);
  });

  it("has the same splits for two runs that differ in their seeds", async () => {
    const run = (
      seed: number,
    ): string => `{ name: r, seed: ${seed}, seeds: [${seed}], data: { format: synthetic },
      teachers: [{ name: t, model: { arch: mlp, hidden: [] }, train: { epochs: 1 } }],
      student: { model: { arch: mlp, hidden: [] }, train: { epochs: 1 } } }`;
    const [a, b] = await Promise.all(
      [1, 2].map((seed) => openDataset(parseSpec(run(seed), "spec.yaml").data, ".")),
    );
    expect(a?.splits).toEqual(b?.splits);
    expect(a?.hash).toBe(b?.hash);
  });

  it("is balanced to one sample a class", async () => {
    const { labels } = await open();
    const counts = (of: Int32Array | undefined): number[] =>
      [0, 1, 2, 3].map((c) => of?.filter((label) => label === c).length ?? 0);
    expect(counts(labels[0])).toEqual([100, 100, 100, 100]);
    expect(counts(labels[1])).toEqual([26, 25, 25, 25]);
  });

  it("keeps its test samples when the number of training samples changes", async () => {
    const [a, b] = await Promise.all([open(), open({ train: 500 })]);
    expect(a.shards[1]?.hash).toBe(b.shards[1]?.hash);
    expect(a.shards[0]?.hash).not.toBe(b.shards[0]?.hash);
  });

  it("has samples around one centre a class, as far as the noise says", async () => {
    const data = await open({ train: 4000, noise: 0.5 });
    const deviations = [0, 1, 2, 3].map((c) => {
      const rows = [...(data.labels[0] ?? [])].flatMap((label, row) => (label === c ? [row] : []));
      const first = rows.map((row) => data.shards[0]?.inputs[row * 3] ?? 0);
      const mean = first.reduce((sum, x) => sum + x, 0) / first.length;
      return Math.sqrt(first.reduce((sum, x) => sum + (x - mean) ** 2, 0) / first.length);
    });
    // 1000 draws: the standard error of the deviation is 0.5 / sqrt(2000) = 0.011; five of them are allowed.
    for (const deviation of deviations) expect(Math.abs(deviation - 0.5)).toBeLessThan(0.056);
  });
});

describe("IDX files by path", () => {
  it("open with their shape, their classes and shared memory", async () => {
    const data = await openFiles();
    expect(data.inputShape).toEqual([2, 2, 1]);
    expect(data.classes).toBe(2);
    expect([...data.splits.test]).toEqual([65_536, 65_537]);
    expect(data.shards[0]?.inputs.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(data.labels[0]?.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it("give the same dataset packed and unpacked", async () => {
    const inputs = bytesIdx([2, 2, 2], [0, 51, 102, 255, 1, 2, 3, 4]);
    const [plain, packed] = [await openFiles(), await openFiles({ "test-x": gzipSync(inputs) })];
    expect(packed.hash).toBe(plain.hash);
  });

  it("are gathered in the order asked for, bytes scaled to [0, 1]", async () => {
    const data = await openFiles();
    const expected = Float32Array.from([1, 2, 3, 4, 0, 51, 102, 255].map((byte) => byte / 255));
    const gathered = gatherInputs(data, [65_537, 65_536]);
    gathered.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 7);
    });
    expect(gatherRows(data, 1, [1, 0])).toEqual(gathered);
    expect([...gatherLabels(data, Uint32Array.of(65_537, 65_536, 3))]).toEqual([0, 1, 1]);
    expect(() => gatherInputs(data, [20])).toThrow(/row 20 of shard 0 .* this one of 20 rows/);
    expect(() => gatherLabels(data, [99])).toThrow(/sample 99/);
  });

  it("of float32 are gathered as they are", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => i / 4);
    const data = await openFiles({
      "train-x": floatIdx([20, 2], rows),
      "test-x": floatIdx([2, 2], [1, 2, 3, 4]),
    });
    expect(data.inputShape).toEqual([2]);
    expect([...gatherInputs(data, [1, 0])]).toEqual([0.5, 0.75, 0, 0.25]);
  });

  it("with other labels keep their shards and are another dataset", async () => {
    const before = await openFiles();
    const labels = Array.from({ length: 20 }, (_, i) => (i + 1) % 2);
    const after = await openFiles({ "train-y": bytesIdx([20], labels) });
    expect(after.shards.map((shard) => shard.hash)).toEqual(before.shards.map((shard) => shard.hash));
    expect(after.hash).not.toBe(before.hash);
  });

  it("with another share for validation are another dataset", async () => {
    const [a, b] = [await openFiles(), await openFiles({}, { validation: 0.3 })];
    expect(a.hash).not.toBe(b.hash);
  });

  it("hide labels of train alone when `labelled` says how many stay", async () => {
    const data = await openFiles({}, { labelled: 4 });
    expect(gatherLabels(data, data.splits.train).filter((label) => label >= 0).length).toBe(4);
    expect(gatherLabels(data, data.splits.validation)).not.toContain(-1);
    expect(gatherLabels(data, data.splits.test)).not.toContain(-1);
  });
});

describe("data that cannot be used is refused, and the error", () => {
  it("names file, row, value and classes of a label out of range", async () => {
    await expect(openFiles({ "test-y": bytesIdx([2], [1, 7]) })).rejects.toThrow(
      'Cannot use label 7 in row 1 of "test-y": the dataset has 2 classes; expected 0 to 1',
    );
    await expect(
      openFiles({ "train-y": bytesIdx([20], new Array(20).fill(3)) }, { classes: 3 }),
    ).rejects.toThrow(/label 3 in row 0 of "train-y": the dataset has 3 classes/);
  });

  it("counts the rows of inputs and labels that differ", async () => {
    await expect(openFiles({ "test-y": bytesIdx([3], [1, 0, 1]) })).rejects.toThrow(
      'Cannot pair "test-x" with "test-y": 2 rows of inputs, 3 labels',
    );
  });

  it("gives both shapes when test samples are not like those of train", async () => {
    await expect(openFiles({ "test-x": bytesIdx([2, 1, 2], [0, 1, 2, 3]) })).rejects.toThrow(
      /a test sample is \[1, 2, 1\] bytes, expected \[2, 2, 1\] bytes/,
    );
  });

  it("says that a file is missing, as written and as resolved", async () => {
    await expect(openFiles({ "train-y": undefined })).rejects.toThrow(
      /Cannot read data file "train-y" \(resolved to ".+train-y"\): no such file/,
    );
  });

  it("names files without samples, with inputs of no use, and with labels that are no labels", async () => {
    await expect(
      openFiles({ "test-x": bytesIdx([0, 2, 2], []), "test-y": bytesIdx([0], []) }),
    ).rejects.toThrow(/"test-x".+\[0, 2, 2\].+at least one sample/);
    await expect(openFiles({ "test-x": bytesIdx([2], [1, 2]) })).rejects.toThrow(/"test-x".+\[2\]; expected/);
    await expect(openFiles({ "test-y": floatIdx([2], [0, 1]) })).rejects.toThrow(
      /"test-y" as labels: it holds float32/,
    );
    await expect(openFiles({ "train-y": bytesIdx([20], new Array(20).fill(0)) })).rejects.toThrow(
      /all its labels are 0; expected two classes/,
    );
  });

  it("names the row of an input that is no number", async () => {
    const inputs = Array.from({ length: 40 }, (_, i) => (i === 13 ? Number.NaN : i));
    await expect(
      openFiles({ "train-x": floatIdx([20, 2], inputs), "test-x": floatIdx([2, 2], [1, 2, 3, 4]) }),
    ).rejects.toThrow('Cannot use the value NaN in row 6 of "train-x"');
  });

  it("names the key that asks for more samples than there are, or leaves a split empty", async () => {
    await expect(openFiles({}, { limit: 21 })).rejects.toThrow(/21 samples as data.limit asks.+has 20/);
    await expect(openFiles({}, { labelled: 19 })).rejects.toThrow(
      /data.labelled asks.+training split has 18/,
    );
    await expect(openFiles({}, { limit: 2 })).rejects.toThrow(/validation would be empty/);
  });

  it("names both hashes when data changed under a run", async () => {
    const data = await openFiles();
    expect(() => requireDataset(data, data.hash, "run r7")).not.toThrow();
    const changed = (): void => requireDataset(data, "0".repeat(32), "run r7");
    expect(changed).toThrow(DatasetMismatch);
    expect(changed).toThrow(new RegExp(`in run r7: its hash is ${data.hash}, expected 0{32}`));
  });

  it("does not refuse a class that train lacks", async () => {
    const data = await openFiles({}, { classes: 5 });
    expect(data.classes).toBe(5);
  });
});
