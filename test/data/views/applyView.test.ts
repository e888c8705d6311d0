import { describe, expect, it } from "vitest";
import type { ViewKind } from "../../../shared/config/viewsSpec.ts";
import { ViewsSpec } from "../../../shared/config/viewsSpec.ts";
import { sampleId } from "../../../shared/data/dataset.ts";
import { gatherInputs } from "../../../shared/data/gather.ts";
import { cutShards } from "../../../shared/data/shards.ts";
import { shiftImage } from "../../../shared/data/shiftImage.ts";
import { idsOf } from "../../../shared/data/split.ts";
import { applyView } from "../../../shared/data/views/applyView.ts";
import type { ViewedData } from "../../../shared/data/views/stepRule.ts";
import { viewSteps } from "../../../shared/data/views/steps.ts";
import { type View, viewOf, withoutMixup } from "../../../shared/data/views/view.ts";
import { sha256 } from "../../../shared/determinism/hash.ts";
import { rng } from "../../../shared/determinism/rng.ts";
import { type Recipe, viewBy } from "../../helpers/viewedData.ts";

const [height, width, channels] = [6, 5, 2];
const size = height * width * channels;

/** Samples whose numbers are a formula, in shards of 8 rows; of token ids from 1 to 9 with padding behind. */
function data(inputShape: readonly number[], rows = 24): ViewedData {
  const each = inputShape.reduce((product, n) => product * n, 1);
  const token = (i: number) => (i % each < 4 + (Math.floor(i / each) % 4) ? 1 + ((7 * i) % 9) : 0);
  const value = inputShape.length === 1 ? token : (i: number) => (37 * i + 11 * Math.floor(i / each)) % 256;
  const shards = cutShards(
    { rows, inputs: Uint8Array.from({ length: rows * each }, (_, i) => value(i)), inputShape },
    8,
  );
  const none = new Uint32Array();
  return {
    name: "formula",
    inputShape,
    inputScale: inputShape.length === 1 ? 1 : 1 / 255,
    shards,
    splits: { train: idsOf(shards), validation: none, test: none },
  };
}

const images = data([height, width, channels]);
const seen = (view: View | undefined, ids: readonly number[], dataset = images): Float32Array => {
  const inputs = gatherInputs(dataset, ids);
  applyView(view, dataset, ids, inputs);
  return inputs;
};
const sampleOf = (inputs: Float32Array, i: number) => inputs.subarray(i * size, (i + 1) * size);

/** A step of every kind that images take. */
const everything: Recipe = [
  { kind: "shift", pixels: 2 },
  { kind: "flip" },
  { kind: "crop", area: 0.6 },
  { kind: "cutout", pixels: 2 },
  { kind: "mixup" },
  { kind: "time-shift", frames: 1 },
  { kind: "noise", deviation: 0.1 },
  { kind: "gain", decibels: 3 },
];

describe("a sample in a view has the same bits", () => {
  const view = viewBy(everything, { number: 3, seed: 5 });
  const [shard, row] = [1, 3];
  const id = sampleId(shard, row);
  const alone = seen(view, [id]);

  it("alone, in any batch and in any order, and differs from the sample", () => {
    const ids = [sampleId(0, 2), id, sampleId(2, 7), sampleId(0, 3)];
    expect(sampleOf(seen(view, ids), 1)).toEqual(alone);
    expect(sampleOf(seen(view, ids.toReversed()), 2)).toEqual(alone);
    expect(alone).not.toEqual(gatherInputs(images, [id]));
  });

  it("wherever its shard is in the dataset, when no partner is drawn", () => {
    const plain = { ...view, recipe: view.recipe.filter(({ kind }) => kind !== "mixup") };
    const { shards } = images;
    const moved = { ...images, shards: [shards[2], shards[0], shards[1]].flatMap((one) => one ?? []) };
    expect(seen(plain, [sampleId(2, row)], moved)).toEqual(seen(plain, [id]));
  });

  it("when it is there twice", () => {
    const twice = seen(view, [id, id]);
    expect(sampleOf(twice, 0)).toEqual(sampleOf(twice, 1));
  });

  it("and others for another number, seed, row or shard of the same numbers", () => {
    const others = [
      seen({ ...view, number: 4 }, [id]),
      seen({ ...view, seed: 6 }, [id]),
      ...[sampleId(shard, 4), sampleId(2, row)].map((other) => {
        const inputs = gatherInputs(images, [id]);
        applyView(view, images, [other], inputs);
        return inputs;
      }),
    ];
    for (const other of others) expect(other).not.toEqual(alone);
  });
});

describe("a view", () => {
  it("of number 0 changes nothing, whatever the recipe, nor does none", () => {
    const ids = [...images.splits.train];
    const plain = gatherInputs(images, ids);
    expect(seen({ ...viewBy(everything), number: 0 }, ids)).toEqual(plain);
    expect(seen(undefined, ids)).toEqual(plain);
  });

  it("draws what its seed, number, step, shard and row say: the key of a row is two words of its shard's", () => {
    const row = 5;
    const stream = rng(7, "view", 2, "shift 0", images.shards[1]?.hash ?? "");
    // A word w of the row's stream is a whole number below 5, as 2^32 is no multiple of it, unless w is 2^32 - 1.
    const [k0, k1] = [stream.at(2 * row), stream.at(2 * row + 1)];
    const drawn = (i: number) => (wordOf(k0, k1, i) % 5) - 2;
    const expected = new Float32Array(size);
    const shift = { down: drawn(0), right: drawn(1) };
    shiftImage(gatherInputs(images, [sampleId(1, row)]), [height, width, channels], shift, expected);
    const view = viewBy([{ kind: "shift", pixels: 2 }], { number: 2, seed: 7 });
    expect(seen(view, [sampleId(1, row)])).toEqual(expected);
  });

  it("goes through its steps in their order, two of a kind with draws of their own", () => {
    const shift = { kind: "shift", pixels: 2 };
    const once = (recipe: Recipe) => seen(viewBy(recipe), [...images.splits.train]);
    const first = once([shift]);
    expect(once([shift, shift])).not.toEqual(first);
    expect(once([{ kind: "cutout", pixels: 3 }, shift])).not.toEqual(
      once([shift, { kind: "cutout", pixels: 3 }]),
    );
  });

  it("without mixup draws in every other step what it draws beside it", () => {
    const rest: Recipe = [{ kind: "shift", pixels: 2 }, { kind: "flip" }];
    const views = ViewsSpec.parse({ count: 4, recipe: [{ kind: "mixup" }, ...rest] });
    const ids = [...images.splits.train];
    expect(seen(viewOf(withoutMixup(views), 1), ids)).toEqual(seen(viewBy(rest), ids));
    expect(withoutMixup(ViewsSpec.parse({ count: 4, recipe: [{ kind: "mixup" }] }))).toBeUndefined();
    expect(withoutMixup(undefined)).toBeUndefined();
  });

  it("leaves what is behind the batch untouched, and refuses a batch that is too short", () => {
    const inputs = new Float32Array(3 * size).fill(9);
    applyView(viewBy([{ kind: "gain", decibels: 3 }]), images, [0, 1], inputs);
    expect(inputs.subarray(2 * size)).toEqual(new Float32Array(size).fill(9));
    expect(() => applyView(viewBy(everything), images, [0, 1, 2, 3], inputs)).toThrow(
      "Cannot change 4 samples of 60 numbers as view 1 asks: the batch holds 180",
    );
  });

  it("refuses a sample of a shard that there is not", () => {
    expect(() => applyView(viewBy(everything), images, [sampleId(3, 0)], new Float32Array(size))).toThrow(
      'Cannot change a sample of shard 3 of "formula": it has 3 shards',
    );
  });
});

describe("the bits of a view are those that were written down", () => {
  // If one of these changes, labels in existing logs no longer fit what students see: raise LABEL_VERSION with it.
  const golden: { readonly [K in ViewKind]: { step: object; shape?: readonly number[]; digest: string } } = {
    shift: { step: { pixels: 2 }, digest: "6867f55796e29a3f" },
    flip: { step: {}, digest: "1f7491abcd1d83c3" },
    crop: { step: { area: 0.5 }, digest: "f4490ab09bda37c8" },
    cutout: { step: { pixels: 3 }, digest: "b160e2d694e45802" },
    mixup: { step: { alpha: 0.4 }, digest: "496d1fdfd24aa6da" },
    "time-shift": { step: { frames: 2 }, digest: "33c94873bfb785c9" },
    noise: { step: { deviation: 0.1 }, digest: "c344608afe79a416" },
    gain: { step: { decibels: 6 }, digest: "f72de88a9f83da75" },
    "spec-augment": { step: { bands: 2, frames: 2 }, shape: [6, 5], digest: "066a83954dac710d" },
    "token-drop": { step: { probability: 0.3 }, shape: [8], digest: "1e79a795310c685e" },
  };

  it.each(Object.entries(golden))("%s", (kind, { step, shape, digest }) => {
    const dataset = shape ? data(shape) : images;
    const view = viewBy([{ kind, ...step }], { number: 2, seed: 1 });
    const inputs = seen(view, [...dataset.splits.train], dataset);
    expect(inputs).not.toEqual(gatherInputs(dataset, dataset.splits.train));
    expect(sha256(new Uint8Array(inputs.buffer)).slice(0, 16)).toBe(digest);
  });

  it("of mixup with alpha above 1, which is drawn in another way", () => {
    const inputs = seen(viewBy([{ kind: "mixup", alpha: 2 }]), [...images.splits.train]);
    expect(sha256(new Uint8Array(inputs.buffer)).slice(0, 16)).toBe("065e591b5a24fd1b");
  });

  it("for every kind that there is", () => {
    expect(Object.keys(golden).sort()).toEqual(Object.keys(viewSteps).sort());
  });
});

/** The i-th word of a stream by its key, written out from triple32. */
function wordOf(k0: number, k1: number, i: number): number {
  const mix = (x: number): number => {
    let h = x >>> 0;
    h = Number(((BigInt(h ^ (h >>> 17)) & 0xffffffffn) * 0xed5ad4bbn) & 0xffffffffn);
    h = Number(((BigInt(h ^ (h >>> 11)) & 0xffffffffn) * 0xac4c1b51n) & 0xffffffffn);
    h = Number(((BigInt(h ^ (h >>> 15)) & 0xffffffffn) * 0x31848babn) & 0xffffffffn);
    return (h ^ (h >>> 14)) >>> 0;
  };
  return mix(mix(i + k0) + k1);
}
