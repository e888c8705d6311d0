import { rng } from "../determinism/rng.ts";
import { rowOf, type Shard, shardOf } from "./dataset.ts";

/** Ids by class: `strata[c]` holds those of class c, ascending. */
export type Strata = readonly (readonly number[])[];

/** Sorts ids into classes. `classOf` gives 0 to classes - 1 for each. */
export function strataOf(ids: Iterable<number>, classes: number, classOf: (id: number) => number): Strata {
  const strata: number[][] = Array.from({ length: classes }, () => []);
  for (const id of ids) strata[classOf(id)]?.push(id);
  return strata;
}

/**
 * Shares `total` among classes in proportion to their sizes. Each gets the whole part of its share; what is left
 * goes, one each, to the largest fractions (the lower class first among equals). A class that would get none takes
 * one from the class with the most, as long as `total` suffices for one each.
 * @param total at most the sum of `sizes`
 */
export function proportionalQuotas(sizes: readonly number[], total: number): number[] {
  const all = sizes.reduce((sum, size) => sum + size, 0);
  const shares = sizes.map((size) => (all === 0 ? 0 : (size * total) / all));
  const quotas = shares.map(Math.floor);
  const fraction = (c: number): number => (shares[c] ?? 0) - (quotas[c] ?? 0);
  const left = total - quotas.reduce((sum, quota) => sum + quota, 0);
  const order = quotas.map((_, c) => c).sort((a, b) => fraction(b) - fraction(a) || a - b);
  for (const c of order.slice(0, left)) quotas[c] = (quotas[c] ?? 0) + 1;

  if (total < sizes.filter((size) => size > 0).length) return quotas;
  for (let c = 0; c < sizes.length; c++) {
    if ((sizes[c] ?? 0) === 0 || (quotas[c] ?? 0) > 0) continue;
    const richest = quotas.indexOf(Math.max(...quotas));
    quotas[richest] = (quotas[richest] ?? 0) - 1;
    quotas[c] = 1;
  }
  return quotas;
}

/**
 * Chooses `quotas[c]` ids of each class. Every row of a shard has a fixed random key, drawn from `purpose` and the
 * shard's hash, and the smallest keys are chosen: so a larger quota contains a smaller one, and appended data
 * leaves the keys of what was there.
 * @returns ids, ascending
 */
export function chooseByKey(
  purpose: string,
  shards: readonly Pick<Shard, "hash">[],
  strata: Strata,
  quotas: readonly number[],
): Uint32Array {
  const streams = shards.map((shard) => rng(purpose, shard.hash));
  const key = (id: number): number => streams[shardOf(id)]?.at(rowOf(id)) ?? 0;
  const chosen = strata.flatMap((ids, c) =>
    ids
      .map((id) => ({ id, key: key(id) }))
      .sort((a, b) => a.key - b.key || a.id - b.id)
      .slice(0, quotas[c])
      .map(({ id }) => id),
  );
  return Uint32Array.from(chosen).sort();
}
