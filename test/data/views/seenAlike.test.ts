import { expect, it } from "vitest";
import type { Predictor } from "../../../shared/compute/predictors/predictor.ts";
import { trainingInputs } from "../../../shared/compute/trainingInputs.ts";
import { ViewsSpec } from "../../../shared/config/viewsSpec.ts";
import { rowOf } from "../../../shared/data/dataset.ts";
import { openDataset } from "../../../shared/data/open.ts";
import { viewOf } from "../../../shared/data/views/view.ts";
import { predictByFold } from "../../../teacher-node/predictByFold.ts";
import { predictRows } from "../../../teacher-node/predictRows.ts";
import { smallSpec } from "../../helpers/smallRun.ts";

const views = ViewsSpec.parse({
  count: 3,
  recipe: [
    { kind: "noise", deviation: 0.5 },
    { kind: "mixup", alpha: 1 },
    { kind: "gain", decibels: 6 },
  ],
});
/** A teacher whose logits are what it sees. */
const mirror = {
  classes: 5,
  predict: async (inputs: Float32Array) => inputs,
} as unknown as Predictor;
const STEPS_PER_EPOCH = 6;

it.each([
  [
    "a teacher",
    (...of: Parameters<typeof predictByFold>) =>
      predictRows(mirror, [], "mirror", of[1], of[2], of[3], of[4]),
  ],
  ["a teacher of folds", predictByFold],
])("%s sees the very numbers of a view that the student sees in its epochs", async (_, predict) => {
  const dataset = await openDataset(smallSpec().data, ".");
  const ids = dataset.splits.train.subarray(7, 20);
  const rows = Uint32Array.from(ids, rowOf);
  const seen: Float32Array[] = [];
  for (let epoch = 0; epoch < 5; epoch++) {
    const view = viewOf(views, epoch % 3);
    const said = await predict([mirror, mirror], dataset, 0, rows, view);
    const step = epoch * STEPS_PER_EPOCH + 2;
    const inputs = trainingInputs({ dataset, views, maskSeed: [1], stepsPerEpoch: STEPS_PER_EPOCH }, step, {
      ids,
    });
    expect(inputs).toEqual(said);
    seen.push(inputs);
  }
  expect(seen[3]).toEqual(seen[0]);
  expect(seen[4]).toEqual(seen[1]);
  expect(new Set(seen.slice(0, 3).map((numbers) => numbers.join())).size).toBe(3);
});
