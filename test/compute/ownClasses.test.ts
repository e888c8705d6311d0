import { describe, expect, it } from "vitest";
import { spreadClasses } from "../../shared/compute/predictors/ownClasses.ts";
import type { Predictor } from "../../shared/compute/predictors/predictor.ts";
import { dataOfClasses } from "../../shared/data/ownClasses.ts";
import { smallDataset } from "../helpers/trainers.ts";

const two: Predictor = {
  inputShape: [1],
  classes: 2,
  predict: async (inputs, rows) =>
    Float32Array.from({ length: 2 * rows }, (_, i) => (inputs[Math.floor(i / 2)] as number) + (i % 2)),
  predictWithFeatures: async (inputs, rows) => ({
    logits: await two.predict(inputs, rows),
    features: { inner: { shape: [1], values: inputs } },
  }),
  close: async () => undefined,
};

describe("a model of a part of the classes", () => {
  it("answers with its outputs at their classes, and with the lowest number at others", async () => {
    const spread = spreadClasses(two, [2, 0], 4);
    expect(spread.classes).toBe(4);
    const expected = [11, -65504, 10, -65504, 21, -65504, 20, -65504];
    expect([...(await spread.predict(Float32Array.of(10, 20), 2))]).toEqual(expected);
    const given = await spread.predictWithFeatures?.(Float32Array.of(10, 20), 2);
    expect([...(given?.logits ?? [])]).toEqual(expected);
    expect([...(given?.features.inner?.values ?? [])]).toEqual([10, 20]);
  });

  it("is trained on data that counts these classes anew, and has no label for others", () => {
    const dataset = smallDataset("mlp");
    const part = dataOfClasses(dataset, [2, 0]);
    expect(part.classes).toBe(2);
    const [all, own] = [dataset.labels[0] as Int32Array, part.labels[0] as Int32Array];
    expect([...own]).toEqual([...all].map((label) => [1, -1, 0][label]));
    expect(dataset.labels[0]).toBe(all);
  });
});
