import { beforeAll, describe, expect, it } from "vitest";
import { LabelFileSpec } from "../../shared/config/labelFileSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { openDataset } from "../../shared/data/open.ts";
import { requireCoverage } from "../../shared/labels/coverage.ts";
import { type ImportedLabels, importedLabels } from "../../shared/labels/importedLabels.ts";
import { BadLabelFile, readLabelFile } from "../../shared/labels/labelFile.ts";
import { folderOf } from "../data/idxFiles.ts";
import { bytesOf, floats, int64s, npyBytes, npyHeader, zipOf } from "../data/npyFiles.ts";
import { smallSpec } from "../helpers/smallRun.ts";

/** 6 samples to train on, and 3 to test on, of 2 classes: shards of ids 0 to 5, and 65,536 to 65,538. */
const spec = smallSpec({}, { train: 6, test: 3, features: 2, classes: 2, validation: 0.34 }).data;
const ids = [0, 1, 2, 3, 4, 5, 65_536, 65_537, 65_538];
/** Two logits a sample: its place in `ids`, and a quarter less. */
const logits = ids.flatMap((_, i) => [i, i - 0.25]);

let dataset: Dataset;
beforeAll(async () => {
  dataset = await openDataset(spec, "");
  expect(dataset.shards.map(({ rows }) => rows)).toEqual([6, 3]);
});

/** Reads `files` with the spec that goes with them, and holds them against the data. */
async function read(
  written: Partial<LabelFileSpec> & { path: string },
  files: Record<string, Uint8Array>,
  data = dataset,
): Promise<ImportedLabels> {
  const { dir, remove } = await folderOf(files);
  try {
    const source = LabelFileSpec.parse(written);
    return importedLabels(await readLabelFile(source, dir), source, data);
  } finally {
    await remove();
  }
}

const asNpz = (arrays: Record<string, Uint8Array>): Record<string, Uint8Array> => ({
  "f.npz": zipOf(Object.fromEntries(Object.entries(arrays).map(([name, npy]) => [`${name}.npy`, npy]))),
});
const logitsFile = asNpz({ ids: int64s(ids), logits: floats([9, 2], logits) });

describe("labels from elsewhere", () => {
  it("are of the samples that their ids name, in any order", async () => {
    const backwards = asNpz({
      ids: int64s(ids.toReversed()),
      logits: floats(
        [9, 2],
        ids.flatMap((_, i) => [8 - i, 8 - i - 0.25]),
      ),
    });
    for (const files of [logitsFile, backwards]) {
      const labels = await read({ path: "f.npz" }, files);
      expect([labels.output, labels.samples]).toEqual(["logits", 9]);
      expect([...labels.logitsOf(0, Uint32Array.of(5, 2))]).toEqual([5, 4.75, 2, 1.75]);
      expect([...labels.logitsOf(1, Uint32Array.of(1))]).toEqual([7, 6.75]);
    }
  });

  it("without ids follow the order of the data, those to test on last", async () => {
    const plain = await read({ path: "f.npy", output: "logits" }, { "f.npy": floats([9, 2], logits) });
    expect([...plain.logitsOf(1, Uint32Array.of(0))]).toEqual([6, 5.75]);
    await expect(
      read({ path: "f.npy", output: "logits" }, { "f.npy": floats([6, 2], logits.slice(0, 12)) }),
    ).rejects.toThrow(/has 6 rows without ids, and the data has 9 samples; expected all of them/);
  });

  it("that are probabilities become logits by a log with a floor", async () => {
    const even = ids.flatMap((_, i) => (i === 3 ? [1, 0] : [0.25, 0.75]));
    const file = asNpz({ ids: int64s(ids), probabilities: floats([9, 2], even) });
    const labels = await read({ path: "f.npz", probabilityFloor: 0.001 }, file);
    expect(labels.output).toBe("probabilities");
    // ln 1, ln 0.001, ln 0.25, ln 0.75
    const expected = [0, -6.907755278982137, -1.3862943611198906, -0.2876820724517809];
    labels.logitsOf(0, Uint32Array.of(3, 4)).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] as number, 6);
    });
  });

  it("give each class the column that the spec names", async () => {
    const wide = asNpz({
      ids: int64s(ids),
      logits: floats(
        [9, 3],
        ids.flatMap((_, i) => [i, 10 + i, 20 + i]),
      ),
    });
    const labels = await read({ path: "f.npz", columns: [2, 0] }, wide);
    expect([...labels.logitsOf(0, Uint32Array.of(4))]).toEqual([24, 4]);
  });
});

describe("the identity of labels", () => {
  const of = async (
    files: Record<string, Uint8Array>,
    spec: Partial<LabelFileSpec> & { path: string } = { path: "f.npz" },
    data = dataset,
  ) => (await read(spec, files, data)).identity;

  it("is the same for the same labels in another order, format, type or file", async () => {
    const order = [4, 8, 0, 2, 6, 1, 3, 7, 5];
    const shuffled = asNpz({
      ids: int64s(order.map((i) => ids[i] as number)),
      logits: floats(
        [9, 2],
        order.flatMap((i) => [i, i - 0.25]),
      ),
    });
    const doubles = { "f.npy": npyBytes(npyHeader("<f8", [9, 2]), bytesOf(Float64Array.from(logits))) };
    const identity = await of(logitsFile);
    expect(identity).toMatch(/^[0-9a-f]{32}$/);
    expect(await of(shuffled)).toBe(identity);
    expect(await of(doubles, { path: "f.npy", output: "logits" })).toBe(identity);
    expect(
      await of({ ...doubles, "i.npy": int64s(ids) }, { path: "f.npy", output: "logits", ids: "i.npy" }),
    ).toBe(identity);
  });

  it("is another for another label, sample, mapping or input", async () => {
    const identity = await of(logitsFile);
    const nudged = logits.with(5, 2.000001);
    const other = await openDataset({ ...spec, seed: 1 } as typeof spec, "");
    const swapped = await of(
      asNpz({ ids: int64s(ids.with(0, 1).with(1, 0)), logits: floats([9, 2], logits) }),
    );
    const some = [
      await of(asNpz({ ids: int64s(ids), logits: floats([9, 2], nudged) })),
      swapped,
      await of(asNpz({ ids: int64s(ids.slice(1)), logits: floats([8, 2], logits.slice(2)) })),
      await of(logitsFile, { path: "f.npz", columns: [1, 0] }),
      await of(logitsFile, { path: "f.npz" }, other),
    ];
    expect(new Set([identity, ...some]).size).toBe(6);
  });
});

describe("labels are refused", () => {
  const values = (patch: (all: number[]) => number[]) =>
    asNpz({ ids: int64s(ids), logits: floats([9, 2], patch(logits)) });
  const withIds = (some: number[]) => asNpz({ ids: int64s(some), logits: floats([9, 2], logits) });
  const chances = (row: number[]) =>
    asNpz({
      ids: int64s(ids),
      probabilities: floats(
        [9, 2],
        ids.flatMap((_, i) => (i === 4 ? row : [0.5, 0.5])),
      ),
    });

  it.each<[string, Record<string, Uint8Array>, Partial<LabelFileSpec>, RegExp]>([
    [
      "with a NaN, by sample and column",
      values((all) => all.with(7, Number.NaN)),
      {},
      /row 3 \(sample 3\) column 1 is NaN/,
    ],
    [
      "with an infinity",
      values((all) => all.with(12, Number.NEGATIVE_INFINITY)),
      {},
      /row 6 \(sample 65536\) column 0 is -Infinity; expected finite logits/,
    ],
    [
      "with ids that are no samples",
      withIds(
        ids
          .with(1, -1)
          .with(2, 6)
          .with(3, 65_539)
          .with(4, 3 * 65_536),
      ),
      {},
      /4 of its ids are of no sample of the data: -1 in row 1, 6 in row 2, 65539 in row 3, \.\.\.; expected ids from 0 to 5, or from 65536 to 65538/,
    ],
    [
      "with an id beyond what a number holds",
      asNpz({
        ids: npyBytes(
          npyHeader("<u8", [9]),
          bytesOf(BigUint64Array.from(ids, (id) => (id === 0 ? 2n ** 64n - 1n : BigInt(id)))),
        ),
        logits: floats([9, 2], logits),
      }),
      {},
      /1 of its ids are of no sample/,
    ],
    [
      "with ids that repeat",
      withIds(ids.with(1, 0)),
      {},
      /1 of its ids come again: 0 in rows 0 and 1; expected each sample once/,
    ],
    [
      "with another number of classes",
      asNpz({ ids: int64s(ids), logits: floats([9, 3], new Array(27).fill(0)) }),
      {},
      /it has 3 columns, and the data has 2 classes; expected as many, or columns in the spec/,
    ],
    [
      "with columns that it has not",
      logitsFile,
      { columns: [0, 2] },
      /columns name column 2, and it has 2; expected 0 to 1/,
    ],
    [
      "with a column too many",
      logitsFile,
      { columns: [0, 1, 1] },
      /name 3 columns, and the data has 2 classes/,
    ],
    [
      "with probabilities that do not sum to 1",
      chances([0.5, 0.4]),
      {},
      /probabilities of row 4 \(sample 4\) sum to 0\.9[0-9]*; expected 1, within 0\.01/,
    ],
    [
      "with probabilities below 0",
      chances([-0.5, 1.5]),
      {},
      /sample 4\) column 0 is -0\.5; expected a probability, or output: logits/,
    ],
    [
      "with neither logits nor probabilities",
      asNpz({ ids: int64s(ids) }),
      {},
      /holds none of \[logits, probabilities, sigmoids, values\]/,
    ],
    [
      "with both, and no word which",
      asNpz({ ids: int64s(ids), logits: floats([9, 2], logits), probabilities: floats([9, 2], logits) }),
      {},
      /holds logits and probabilities; expected one of them, or an output/,
    ],
    [
      "with an output that it does not hold",
      logitsFile,
      { output: "probabilities" },
      /holds logits; expected an array named probabilities/,
    ],
    [
      "with fewer ids than rows",
      asNpz({ ids: int64s([1]), logits: floats([9, 2], logits) }),
      {},
      /ids are integers of shape \[1\]; expected integers of shape \[9\]/,
    ],
    [
      "with ids that are no integers",
      asNpz({ ids: floats([9], ids), logits: floats([9, 2], logits) }),
      {},
      /ids are floats of shape \[9\]/,
    ],
    [
      "with logits that are integers",
      asNpz({ logits: int64s(ids) }),
      {},
      /its logits are integers of shape \[9\]; expected floats of shape \[samples, classes\]/,
    ],
    [
      "with ids twice",
      { ...logitsFile, "i.npy": int64s(ids) },
      { ids: "i.npy" },
      /holds ids, and the spec names ids in "i\.npy" too/,
    ],
    [
      "that are something else",
      { "f.npz": Buffer.from("ids,logits\n") },
      {},
      /neither an NPY nor an NPZ file/,
    ],
    [
      "that say not what they are",
      { "f.npz": floats([9, 2], logits) },
      {},
      /an NPY file does not say what its numbers are; set output/,
    ],
    [
      "that are not there",
      {},
      {},
      /Cannot read labels "f\.npz" \(resolved to ".*f\.npz"\): there is no such file/,
    ],
  ])("%s", async (_, files, patch, message) => {
    const reading = read({ path: "f.npz", ...patch }, files);
    await expect(reading).rejects.toThrow(BadLabelFile);
    await expect(reading).rejects.toThrow(message);
  });
});

describe("a chunk is labelled whole", () => {
  const lacking = (...without: number[]) => {
    const kept = ids.filter((id) => !without.includes(id));
    return asNpz({
      ids: int64s(kept),
      logits: floats(
        [kept.length, 2],
        kept.flatMap(() => [1, 2]),
      ),
    });
  };

  it("so what is missing is told by split, and the first few by id", async () => {
    const { validation, train } = dataset.splits;
    const [seen, unseen] = [train[0] as number, validation[0] as number];
    const labels = await read({ path: "f.npz" }, lacking(seen, unseen, 65_537));
    const first = [seen, unseen].sort((a, b) => a - b).join(", ");
    expect(() => requireCoverage(labels, dataset, 4)).toThrow(BadLabelFile);
    expect(() => requireCoverage(labels, dataset, 4)).toThrow(
      new RegExp(`lacks 3 of the 9 samples of the data \\(.*\\), which are ${first}, 65537; expected`),
    );
    for (const part of ["1 train", "1 validation", "1 test"])
      expect(() => requireCoverage(labels, dataset, 4)).toThrow(part);
  });

  it("also where data.limit leaves samples of it out", async () => {
    const few = await openDataset({ ...spec, limit: 4 } as typeof spec, "");
    const chosen = [...few.splits.train, ...few.splits.validation];
    const left = ids.slice(0, 6).filter((id) => !chosen.includes(id));
    expect(left.length).toBe(2);
    const labels = await read({ path: "f.npz" }, lacking(...left), few);
    // One chunk of 6 holds them all; in chunks of 1 they are in none that the data needs.
    expect(() => requireCoverage(labels, few, 6)).toThrow(
      /lacks 2 of the 9 .* \(2 left out by data\.limit\)/,
    );
    expect(() => requireCoverage(labels, few, 1)).not.toThrow();
  });
});
