import { describe, expect, it } from "vitest";
import type { EnsembleSpec } from "../../shared/config/ensembleSpec.ts";
import { inversePermutation } from "../../shared/data/chunks.ts";
import type { Dataset, Shard } from "../../shared/data/dataset.ts";
import { NothingToCalibrate } from "../../shared/distill/calibration.ts";
import { teacherScales } from "../../student-node/teacherScales.ts";
import { allAtOnce } from "../helpers/allAtOnce.ts";

const ROWS = 40;
/** Of one output; rows 0 to 39 are validation, of which the even ones calibrate and the odd ones weigh. */
function dataOf(task: "multi-label" | "regression", truth: (row: number) => number): Dataset {
  const ids = Uint32Array.from({ length: ROWS }, (_, row) => row);
  return {
    name: "scales",
    hash: "scales",
    inputShape: [1],
    classes: 1,
    inputScale: 1,
    shards: [{ hash: "ab".repeat(16), rows: ROWS, inputs: new Float32Array(ROWS) }],
    labels: [new Int32Array(ROWS)],
    targets: {
      task,
      values: [Float32Array.from(ids, truth)],
      scale: { mean: [0], deviation: [task === "regression" ? 2 : 1] },
    },
    splits: { train: new Uint32Array(), validation: ids, test: new Uint32Array() },
  };
}

/** Each teacher's number for each row. */
function labelsOf(dataset: Dataset, ...teachers: ((row: number) => number)[]) {
  const { hash, rows } = dataset.shards[0] as Shard;
  const order = inversePermutation(hash, rows);
  return {
    has: () => true,
    read(teacher: number, _: number, place: number, out: Float32Array, at: number): void {
      out[at] = (teachers[teacher] as (row: number) => number)(order.indexOf(place));
    },
    inBlocks: allAtOnce,
  };
}

const ensemble = (about: Partial<EnsembleSpec>): EnsembleSpec => ({
  rule: "arithmetic",
  calibrate: false,
  quorum: "all",
  ...about,
});

describe("what validation says of teachers of multi-label", () => {
  // Of the even rows four in five have the class, and of the odd rows three in four.
  const data = dataOf("multi-label", (row) =>
    row % 2 === 0 ? (row % 10 === 0 ? 0 : 1) : row % 8 === 1 ? 0 : 1,
  );

  it("a temperature: a teacher that says 2 where four of five are right is cooled to 2 / log 4", async () => {
    // sigmoid(2 / T) = 4/5 has the least cross-entropy: 2 / T = log(4/5 / (1/5)).
    const labels = labelsOf(data, () => 2);
    const { temperatures } = await teacherScales(ensemble({ calibrate: true }), 1, data, labels);
    expect(temperatures[0]).toBeCloseTo(2 / Math.log(4), 4);
  });

  it("weights: by the share of right decisions at 0.5, in the other half", async () => {
    const labels = labelsOf(
      data,
      () => 1,
      () => -1,
    );
    const { weights } = await teacherScales(ensemble({ weights: "accuracy" }), 2, data, labels);
    expect(weights[0]).toBeCloseTo(3 / 4, 12);
    expect(weights[1]).toBeCloseTo(1 / 4, 12);
  });

  it("nothing, where nothing is known", async () => {
    const unknown = dataOf("multi-label", () => Number.NaN);
    const labels = labelsOf(unknown, () => 1);
    await expect(teacherScales(ensemble({ weights: "accuracy" }), 1, unknown, labels)).rejects.toThrow(
      NothingToCalibrate,
    );
  });
});

describe("what validation says of teachers of regression", () => {
  it("weights: errors of 1 and 2 weigh 4 to 1, whatever the unit", async () => {
    const data = dataOf("regression", (row) => row);
    const labels = labelsOf(
      data,
      (row) => row + 1,
      (row) => row - 2,
    );
    const { weights, temperatures } = await teacherScales(
      ensemble({ weights: "inverse-mse" }),
      2,
      data,
      labels,
    );
    expect(weights[0]).toBeCloseTo(4 / 5, 6);
    expect(weights[1]).toBeCloseTo(1 / 5, 6);
    expect(temperatures).toEqual([1, 1]);
  });

  it("weights as given", async () => {
    const data = dataOf("regression", (row) => row);
    const { weights } = await teacherScales(ensemble({ weights: [3, 1] }), 2, data, labelsOf(data));
    expect(weights).toEqual([3, 1]);
  });
});
