import { ViewsSpec } from "../../shared/config/viewsSpec.ts";
import { sampleId } from "../../shared/data/dataset.ts";
import { applyView } from "../../shared/data/views/applyView.ts";
import type { ViewedData } from "../../shared/data/views/stepRule.ts";
import { type View, viewOf } from "../../shared/data/views/view.ts";

export type Recipe = readonly (Record<string, unknown> & { kind: string })[];

/** A view whose steps are written as a user writes them. */
export function viewBy(recipe: Recipe, { number = 1, seed = 0 } = {}): View {
  const view = viewOf(ViewsSpec.parse({ count: "fresh", seed, recipe }), number);
  if (view) return view;
  throw new RangeError("Cannot make view 0: it is no view of a recipe");
}

/** Data whose one shard has no numbers, for steps that look at the batch alone. */
export function shapedData(inputShape: readonly number[], hash = "0".repeat(32)): ViewedData {
  const none = new Uint32Array();
  return {
    name: "shaped",
    inputShape,
    inputScale: 1,
    shards: [{ hash, rows: 65_536, inputs: new Float32Array() }],
    splits: { train: none, validation: none, test: none },
  };
}

/** The same sample in the first `rows` rows of a shard, and what a step makes of each. @returns one array a row */
export function changedRows(
  step: Recipe[number],
  inputShape: readonly number[],
  sample: readonly number[],
  rows: number,
): Float32Array[] {
  const inputs = Float32Array.from(
    { length: rows * sample.length },
    (_, i) => sample[i % sample.length] ?? 0,
  );
  const ids = Array.from({ length: rows }, (_, row) => sampleId(0, row));
  applyView(viewBy([step]), shapedData(inputShape), ids, inputs);
  return ids.map((_, row) => inputs.subarray(row * sample.length, (row + 1) * sample.length));
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** How often each text comes. */
export function tally(values: readonly (string | number)[]): Map<string | number, number> {
  const counts = new Map<string | number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
