import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { FeatureShape, inWireForm } from "../../shared/distill/features/forms.ts";
import type { FeatureLayout } from "../../shared/protocol/features.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "wasm" });
});

const layout = (about: Partial<FeatureLayout>): FeatureLayout => ({
  name: "late",
  of: "pool_2",
  form: "values",
  pool: null,
  shape: [2, 2, 2],
  ...about,
});

// Two samples of a 2 x 2 map with two channels: 1 to 8, and their tenfold.
const one = [1, 2, 3, 4, 5, 6, 7, 8];
const two = one.map((value) => 10 * value);
const values = Float32Array.from([...one, ...two]);
const form = (about: Partial<FeatureLayout>, given: readonly number[] = [2, 2, 2]): number[] => [
  ...inWireForm(values, 2, given, layout(about), "deep"),
];

describe("a feature crosses the network", () => {
  it("as it is", () => {
    expect(form({})).toEqual([...values]);
  });

  it("as means of windows, or of each channel", () => {
    // Channel 0 holds 1, 3, 5, 7 and channel 1 holds 2, 4, 6, 8.
    expect(form({ pool: 2, shape: [1, 1, 2] })).toEqual([4, 5, 40, 50]);
    expect(form({ pool: "mean", shape: [2] })).toEqual([4, 5, 40, 50]);
    // As a sequence of four places of two numbers, two places become one: (1+3)/2, (2+4)/2, ...
    expect(form({ pool: 2, shape: [2, 2] }, [4, 2])).toEqual([2, 3, 6, 7, 20, 30, 60, 70]);
  });

  it("as the mean of squares over the channels", () => {
    // (1 + 4) / 2, (9 + 16) / 2, (25 + 36) / 2, (49 + 64) / 2; a hundred times that for the second.
    const map = [2.5, 12.5, 30.5, 56.5];
    expect(form({ form: "attention", shape: [2, 2] })).toEqual([...map, ...map.map((m) => 100 * m)]);
  });

  it("as products with all samples of its chunk, zeros where it has no more", () => {
    // 1 + 4 + ... + 64 = 204.
    expect(form({ form: "gram", shape: [3] })).toEqual([204, 2040, 0, 2040, 20400, 0]);
  });

  it("not at all when the model gives another shape than the spec says", () => {
    expect(() => form({ shape: [4, 2] })).toThrow(FeatureShape);
    expect(() => form({ shape: [4, 2] })).toThrow(
      /"late" of teacher "deep".*gives \[4,2\]: the model's "pool_2" has the shape \[2,2,2\].*say shape: \[2,2,2\]/,
    );
  });
});
