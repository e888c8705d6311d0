import { describe, expect, it } from "vitest";
import { ViewsSpec } from "../../../shared/config/viewsSpec.ts";
import { viewHash, viewNumberOf, viewOf } from "../../../shared/data/views/view.ts";
import { contentHash, sha256 } from "../../../shared/determinism/hash.ts";
import { PLAIN_VIEW } from "../../../shared/protocol/identifiers.ts";
import { shapedData, viewBy } from "../../helpers/viewedData.ts";

const recipe = [{ kind: "shift", pixels: 2 }, { kind: "flip" }] as const;
const mixing = [...recipe, { kind: "mixup" }] as const;
const of = (train: number[], validation: number[] = []) => {
  const data = shapedData([4, 4, 1], "a".repeat(32));
  return {
    ...data,
    splits: { ...data.splits, train: Uint32Array.from(train), validation: Uint32Array.from(validation) },
  };
};

describe("the hash of a view", () => {
  const data = of([0, 1, 2]);

  it("is over recipe, seed and number, as protocol.md says", () => {
    // Defaults are written out: a flip is horizontal and has a probability of 0.5.
    const written = [
      { kind: "shift", pixels: 2 },
      { kind: "flip", axis: "horizontal", probability: 0.5 },
    ];
    expect(viewHash(viewBy(recipe, { number: 3, seed: 5 }), data)).toBe(
      contentHash({ augmentation: written, seed: 5, view: 3 }),
    );
  });

  it("is that of the plain view for number 0, whatever recipe and seed, and without a view", () => {
    expect(viewHash({ ...viewBy(recipe, { seed: 5 }), number: 0 }, data)).toBe(PLAIN_VIEW);
    expect(viewHash(undefined, data)).toBe(PLAIN_VIEW);
  });

  it("differs by number, seed, a value and the order of the steps", () => {
    const hashes = [
      viewBy(recipe),
      viewBy(recipe, { number: 2 }),
      viewBy(recipe, { seed: 1 }),
      viewBy([{ kind: "shift", pixels: 1 }, { kind: "flip" }]),
      viewBy([{ kind: "flip" }, { kind: "shift", pixels: 2 }]),
    ].map((view) => viewHash(view, data));
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it("knows the training split where partners are drawn from it, and only there", () => {
    const [view, mixed] = [viewBy(recipe), viewBy(mixing)];
    const other = of([0, 1, 3]);
    expect(viewHash(view, other)).toBe(viewHash(view, data));
    expect(viewHash(mixed, other)).not.toBe(viewHash(mixed, data));
    // The same split, written anew, and with another validation split.
    expect(viewHash(mixed, of([0, 1, 2], [5]))).toBe(viewHash(mixed, data));
  });

  it("tells partners by the hash of their shard and their row", () => {
    const mixed = viewBy([{ kind: "mixup", alpha: 1 }]);
    expect(viewHash(mixed, data)).toBe(
      contentHash({
        augmentation: [{ kind: "mixup", alpha: 1 }],
        seed: 0,
        view: 1,
        partners: sha256(`${"a".repeat(32)} [0,1,2]\n`).slice(0, 32),
      }),
    );
    const [shard] = data.shards;
    const renamed = { ...data, shards: [{ ...shard, hash: "b".repeat(32) }] } as typeof data;
    expect(viewHash(mixed, renamed)).not.toBe(viewHash(mixed, data));
    expect(viewHash(mixed, data)).not.toBe(viewHash(mixed, renamed));
  });
});

describe("an epoch sees", () => {
  const views = (count: number | "fresh") => ViewsSpec.parse({ count, recipe: [...recipe] });
  const epochs = [0, 1, 2, 3, 4, 5, 6];

  it("the views in turn, from the sample itself on", () => {
    expect(epochs.map((epoch) => viewNumberOf(views(3), epoch))).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  it("a view of its own where they are fresh", () => {
    expect(epochs.map((epoch) => viewNumberOf(views("fresh"), epoch))).toEqual(epochs);
  });

  it("the sample itself without views", () => {
    expect(epochs.map((epoch) => viewNumberOf(undefined, epoch))).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(viewOf(undefined, 3)).toBeUndefined();
    expect(viewOf(views(3), 0)).toBeUndefined();
    expect(viewOf(views(3), 2)).toEqual({ number: 2, seed: 0, recipe: views(3).recipe });
  });
});
