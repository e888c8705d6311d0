import { beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../shared/data/dataset.ts";
import { DataError } from "../../shared/data/errors.ts";
import { gatherLabels } from "../../shared/data/gather.ts";
import { openDataset } from "../../shared/data/open.ts";
import { transferSet } from "../../shared/data/transferSet.ts";
import { smallSpec } from "../helpers/smallRun.ts";

let dataset: Dataset;
beforeAll(async () => {
  dataset = await openDataset(smallSpec().data, "");
});

describe("a transfer set without some classes", () => {
  it("has every other training sample, in its order", () => {
    const { train } = transferSet(dataset, { transfer: { without: [3, 1] } }).splits;
    const labels = gatherLabels(dataset, dataset.splits.train);
    expect([...train]).toEqual(
      [...dataset.splits.train].filter((_, i) => labels[i] === 0 || labels[i] === 2),
    );
    expect(train.length).toBeGreaterThan(0);
    expect(train.length).toBeLessThan(dataset.splits.train.length);
  });

  it("is the same data to everybody else: hash, shards, labels, validation and test", () => {
    const { splits, ...rest } = transferSet(dataset, { transfer: { without: [3] } });
    const { splits: all, ...others } = dataset;
    expect(rest).toEqual(others);
    expect(splits.validation).toBe(all.validation);
    expect(splits.test).toBe(all.test);
  });

  it("is the data itself where nothing is left out", () => {
    expect(transferSet(dataset, {})).toBe(dataset);
  });

  it("is refused without any sample, and for a class that there is not", () => {
    const without = (classes: number[]) => () => transferSet(dataset, { transfer: { without: classes } });
    expect(without([0, 1, 2, 3])).toThrow(DataError);
    expect(without([0, 1, 2, 3])).toThrow(/none of its 180 training samples is left/);
    expect(without([2, 4])).toThrow(
      /Cannot leave class 4 out .* it has 4 classes; expected classes from 0 to 3/,
    );
  });
});
