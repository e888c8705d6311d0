import type { ViewStep, ViewsSpec } from "../../config/viewsSpec.ts";
import { contentHash, sha256 } from "../../determinism/hash.ts";
import { PLAIN_VIEW } from "../../protocol/identifiers.ts";
import { rowOf, type Shard, shardOf } from "../dataset.ts";
import type { ViewedData } from "./stepRule.ts";

/**
 * A deterministic change of samples: the same numbers for the same sample on every node. View 0 is the sample itself,
 * whatever the recipe.
 */
export interface View {
  readonly number: number;
  readonly seed: number;
  readonly recipe: readonly ViewStep[];
}

/** The number of the view that a student sees in an epoch, which counts from 0. */
export function viewNumberOf(views: ViewsSpec | undefined, epoch: number): number {
  if (views === undefined) return 0;
  return views.count === "fresh" ? epoch : epoch % views.count;
}

/** @returns undefined for view 0, and for a run without views: the sample itself */
export function viewOf(views: ViewsSpec | undefined, number: number): View | undefined {
  if (views === undefined || number === 0) return undefined;
  return { number, seed: views.seed, recipe: views.recipe };
}

/**
 * The views of a student that learns from true labels: without `mixup`, as a mixture has no one label. All other steps
 * draw what they draw beside it.
 * @returns undefined where no step is left
 */
export function withoutMixup(views: ViewsSpec | undefined): ViewsSpec | undefined {
  const recipe = views?.recipe.filter(({ kind }) => kind !== "mixup") ?? [];
  return views && recipe.length > 0 ? { ...views, recipe } : undefined;
}

/**
 * What labels of a view are kept under, beside the hash of their shard. Partners of mixtures are drawn from the training
 * split, so it is a part of the identity of views with `mixup`, and of no others.
 * @returns 32 hexadecimal digits
 */
export function viewHash(view: View | undefined, dataset: Pick<ViewedData, "shards" | "splits">): string {
  if (view === undefined || view.number === 0) return PLAIN_VIEW;
  const { number, seed, recipe } = view;
  const mixes = recipe.some(({ kind }) => kind === "mixup");
  return contentHash({
    augmentation: recipe,
    seed,
    view: number,
    ...(mixes ? { partners: partnersDigest(dataset) } : {}),
  });
}

// A digest reads every id of the training split, and is asked for with every chunk.
const digests = new WeakMap<Uint32Array, { shards: readonly Shard[]; digest: string }>();

/** Of the training split in its order, whose ids depend on the place of a shard: shard by shard, the hash and the rows. */
function partnersDigest({ shards, splits: { train } }: Pick<ViewedData, "shards" | "splits">): string {
  const known = digests.get(train);
  if (known?.shards === shards) return known.digest;
  const parts: (string | Uint8Array)[] = [];
  for (let from = 0; from < train.length; ) {
    const shard = shardOf(train[from] as number);
    let to = from;
    while (to < train.length && shardOf(train[to] as number) === shard) to++;
    // As text, which is the same on machines of either byte order.
    parts.push(`${shards[shard]?.hash} [${train.subarray(from, to).map(rowOf).join(",")}]\n`);
    from = to;
  }
  const digest = sha256(...parts).slice(0, 32);
  digests.set(train, { shards, digest });
  return digest;
}
