import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataSpec } from "../../shared/config/dataSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { gatherLabels, labelledIds } from "../../shared/data/gather.ts";
import { parseNpy } from "../../shared/data/npy.ts";
import { openDataset } from "../../shared/data/open.ts";
import { gatherValues, scoreUnit, type Targets } from "../../shared/data/targets.ts";
import { bytesOf, int64s, npyBytes, npyHeader, zipOf } from "./npyFiles.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "stillhouse-tasks-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const open = (spec: object): Promise<Dataset> => openDataset(DataSpec.parse(spec), dir);
const targetsOf = ({ targets }: Dataset): Targets => targets as Targets;
const synthetic = (about: object) => open({ format: "synthetic", train: 300, test: 100, ...about });

describe("synthetic multi-label", () => {
  it("has half-spaces, whose share of samples is that of its side", async () => {
    const data = await synthetic({ task: "multi-label", classes: 3, noise: 0.1 });
    const { train } = data.splits;
    const values = gatherValues(targetsOf(data), 3, train);
    expect(new Set(values)).toEqual(new Set([0, 1]));
    for (let c = 0; c < 3; c++) {
      const share = values.filter((_, i) => i % 3 === c).reduce((a, b) => a + b, 0) / train.length;
      // An offset of 2 deviations of its 0.5 would leave 16% on one side.
      expect(share).toBeGreaterThan(0.1);
      expect(share).toBeLessThan(0.9);
    }
    expect(data.splits.validation.length).toBe(30);
    expect(data.classes).toBe(3);
  });

  it("is the same again, and another with another seed", async () => {
    const spec = { task: "multi-label", classes: 2 };
    expect((await synthetic(spec)).hash).toBe((await synthetic(spec)).hash);
    expect((await synthetic({ ...spec, seed: 1 })).hash).not.toBe((await synthetic(spec)).hash);
  });
});

describe("synthetic regression", () => {
  it("is standardised by mean and deviation of the training split, unless the spec says not", async () => {
    const data = await synthetic({ task: "regression", outputs: 2 });
    const values = gatherValues(targetsOf(data), 2, data.splits.train);
    const { mean, deviation } = targetsOf(data).scale;
    [0, 1].forEach((output) => {
      const own = Array.from(values.filter((_, i) => i % 2 === output));
      const centre = own.reduce((a, b) => a + b, 0) / own.length;
      const square = own.reduce((sum, value) => sum + (value - centre) ** 2, 0) / own.length;
      expect(mean[output]).toBeCloseTo(centre, 8);
      expect(deviation[output]).toBeCloseTo(Math.sqrt(square), 8);
    });
    expect(scoreUnit(targetsOf(data))).toEqual(deviation);
    const plain = await synthetic({ task: "regression", outputs: 2, standardise: false });
    expect(targetsOf(plain).scale).toEqual({ mean: [0, 0], deviation: [1, 1] });
    expect(plain.hash).not.toBe(data.hash);
  });

  it("hides the targets of what is not labelled, and of no other split", async () => {
    const data = await synthetic({ task: "regression", labelled: 40, limit: 200 });
    const { train, validation, test } = data.splits;
    expect(train.length + validation.length).toBe(200);
    const labelled = labelledIds(data, train);
    expect(labelled.length).toBe(40);
    const known = gatherValues(targetsOf(data), 1, train).filter((value) => !Number.isNaN(value));
    expect(known.length).toBe(40);
    for (const split of [validation, test]) expect([...gatherLabels(data, split)]).not.toContain(-1);
    // A larger number keeps what a smaller one had.
    const more = await synthetic({ task: "regression", labelled: 80, limit: 200 });
    expect([...labelledIds(more, more.splits.train)]).toEqual(expect.arrayContaining([...labelled]));
  });

  it("asks for no more labels than there are", async () => {
    await expect(synthetic({ task: "regression", labelled: 290 })).rejects.toThrow(
      /keep 290 samples as data.labelled asks: the training split has 270/,
    );
  });
});

const f4 = (shape: number[], values: number[]): Uint8Array =>
  npyBytes(npyHeader("<f4", shape), bytesOf(Float32Array.from(values)));
const u1 = (shape: number[], values: number[]): Uint8Array =>
  npyBytes(npyHeader("|u1", shape), Uint8Array.from(values));
const counting = (size: number): number[] => Array.from({ length: size }, (_, i) => i);
async function write(name: string, arrays: Record<string, Uint8Array>): Promise<string> {
  const files = Object.fromEntries(Object.entries(arrays).map(([array, bytes]) => [`${array}.npy`, bytes]));
  await writeFile(join(dir, name), zipOf(files));
  return name;
}
const both = (file: string) => ({ format: "npz", train: file, test: file, validation: 0.25 });

describe("NPZ files", () => {
  it("hold images in bytes with a class each", async () => {
    const file = await write("images.npz", {
      inputs: u1([8, 2, 3, 1], counting(48)),
      targets: int64s([0, 1, 2, 0, 1, 2, 0, 1]),
    });
    const data = await open(both(file));
    expect([data.classes, data.inputShape, data.inputScale]).toEqual([3, [2, 3, 1], 1 / 255]);
    expect([...(data.shards[0]?.inputs ?? [])]).toEqual(counting(48));
    expect([...(data.labels[0] ?? [])]).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
    expect(data.targets).toBeUndefined();
  });

  it("hold classes each by itself, of which some are not known", async () => {
    const file = await write("many.npz", {
      x: f4([4, 2], counting(8)),
      y: f4([4, 2], [0, 1, -1, Number.NaN, 1, 0, 1, 1]),
    });
    const data = await open({ ...both(file), task: "multi-label", inputs: "x", targets: "y" });
    expect([...(targetsOf(data).values[0] ?? [])]).toEqual([0, 1, NaN, NaN, 1, 0, 1, 1]);
    expect([...(data.labels[0] ?? [])]).toEqual([0, -1, 0, 0]);
  });

  it("hold numpy's booleans as targets of multi-label", async () => {
    const file = await write("bools.npz", {
      inputs: f4([4, 2], counting(8)),
      targets: npyBytes(npyHeader("|b1", [4, 2]), Uint8Array.of(0, 1, 1, 1, 0, 0, 1, 1)),
    });
    const data = await open({ ...both(file), task: "multi-label" });
    expect([...(targetsOf(data).values[0] ?? [])]).toEqual([0, 1, 1, 1, 0, 0, 1, 1]);
  });

  it("hold one number or several for each sample, in float64 too", async () => {
    const inputs = f4([4, 2], counting(8));
    const one = await write("one.npz", { inputs, targets: f4([4], [1, 2, 3, 4]) });
    expect((await open({ ...both(one), task: "regression" })).classes).toBe(1);
    const doubles = npyBytes(npyHeader("<f8", [4, 2]), bytesOf(Float64Array.from([1, 2, 3, 4, 5, 6, 7, 8])));
    const two = await write("two.npz", { inputs, targets: doubles });
    const data = await open({ ...both(two), task: "regression" });
    expect([data.classes, [...(targetsOf(data).values[0] ?? [])]]).toEqual([2, [1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  it("are refused by name where an array is not there, or does not fit", async () => {
    const inputs = f4([4, 2], counting(8));
    const without = await write("without.npz", { inputs });
    await expect(open(both(without))).rejects.toThrow(/no array "targets"; .* data.targets/);
    const short = await write("short.npz", { inputs, targets: int64s([0, 1]) });
    await expect(open(both(short))).rejects.toThrow(/4 rows of inputs, 2 of targets/);
    const floats = await write("floats.npz", { inputs, targets: f4([4], [0, 1, 0, 1]) });
    await expect(open(both(floats))).rejects.toThrow(/holds floats of shape \(4\); expected whole numbers/);
    await expect(open({ ...both(floats), task: "multi-label" })).rejects.toThrow(
      /expected 0 and 1 of shape \(samples, classes\)/,
    );
    const odd = await write("odd.npz", { inputs, targets: f4([4, 1], [0, 1, 0.5, 1]) });
    await expect(open({ ...both(odd), task: "multi-label" })).rejects.toThrow(
      /the target 0.5 of row 2, output 0, of "odd.npz\/targets": expected 0 or 1/,
    );
    const infinite = await write("infinite.npz", { inputs, targets: f4([4], [0, 1, 2, Infinity]) });
    await expect(open({ ...both(infinite), task: "regression" })).rejects.toThrow(
      /Infinity of row 3, .* expected finite numbers/,
    );
    const none = await write("none.npz", {
      inputs,
      targets: f4(
        [4, 2],
        counting(8).map(() => 0),
      ),
    });
    await expect(open({ ...both(none), task: "multi-label" })).rejects.toThrow(/no sample has any class/);
    await expect(open({ ...both("nowhere.npz") })).rejects.toThrow(/no such file/);
    const wider = await write("wider.npz", { inputs, targets: f4([4, 2], counting(8)) });
    const narrow = await write("narrow.npz", { inputs, targets: f4([4], counting(4)) });
    await expect(
      open({ format: "npz", task: "regression", train: wider, test: narrow, validation: 0.25 }),
    ).rejects.toThrow(/it has 1 targets a sample, expected 2/);
  });
});

describe("an NPY file of more than two sizes", () => {
  it("is read in the order of its rows, whichever index changes fastest in the file", () => {
    // By column-major order the number at [i, j, k] of shape [2, 3, 2] stands at i + 2 j + 6 k.
    const stored = new Float32Array(12);
    for (let i = 0; i < 2; i++)
      for (let j = 0; j < 3; j++)
        for (let k = 0; k < 2; k++) stored[i + 2 * j + 6 * k] = 100 * i + 10 * j + k;
    const array = parseNpy(npyBytes(npyHeader("<f4", [2, 3, 2], true), bytesOf(stored)), "f", 4);
    const expected = [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121];
    expect(counting(12).map((place) => array.at(place))).toEqual(expected);
  });
});
