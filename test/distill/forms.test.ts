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
  tensor: [2, 2, 2],
  order: "nhwc",
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
    expect(form({ tensor: [4, 2], pool: 2, shape: [2, 2] }, [4, 2])).toEqual([2, 3, 6, 7, 20, 30, 60, 70]);
  });

  it("as the root of the mean of squares over the channels", () => {
    // (1 + 4) / 2, (9 + 16) / 2, (25 + 36) / 2, (49 + 64) / 2; ten times their roots for the second.
    const map = [2.5, 12.5, 30.5, 56.5].map(Math.sqrt);
    const found = form({ form: "attention", shape: [2, 2] });
    [...map, ...map.map((m) => 10 * m)].forEach((m, i) => {
      expect(found[i]).toBeCloseTo(m, 4);
    });
  });

  it("with its channels last, where the model has them first", () => {
    // Channel 0 is 1, 2, 3, 4 and channel 1 is 5, 6, 7, 8.
    const turned = [1, 5, 2, 6, 3, 7, 4, 8];
    expect(form({ order: "nchw" })).toEqual([...turned, ...turned.map((value) => 10 * value)]);
    expect(form({ order: "nchw", pool: "mean", shape: [2] })).toEqual([2.5, 6.5, 25, 65]);
  });

  it("as products with all samples of its chunk, zeros where it has no more", () => {
    // 1 + 4 + ... + 64 = 204.
    expect(form({ form: "gram", shape: [3] })).toEqual([204, 2040, 0, 2040, 20400, 0]);
  });

  it("not at all when the model gives another shape than the spec says, by whatever form", () => {
    const wrong = { tensor: [4, 2], shape: [4, 2] };
    expect(() => form(wrong)).toThrow(FeatureShape);
    expect(() => form(wrong)).toThrow(
      /"late" of teacher "deep" as the spec's shape for it is \[4,2\]: the model's "pool_2" has the shape \[2,2,2\].*say shape: \[2,2,2\]/,
    );
    expect(() => form({ ...wrong, form: "gram", shape: [3] })).toThrow(FeatureShape);
    // The same sizes in the other order.
    const first = { tensor: [4, 4, 1], shape: [4, 4, 1] };
    expect(() => form(first, [1, 4, 4])).toThrow(/say layout: nchw/);
  });

  it("not as products of more samples than a chunk has", () => {
    expect(() => form({ form: "gram", shape: [1] })).toThrow(
      /products of 2 samples: the feature has room for 1/,
    );
  });
});
