import { sampleId } from "../dataset.ts";
import { gatherRows, type Ids } from "../gather.ts";
import { applyView } from "./applyView.ts";
import type { ViewedData } from "./stepRule.ts";
import type { View } from "./view.ts";

/**
 * Rows of a shard as a model takes them, in a view.
 * @param view absent: as they are
 * @returns [rows.length, ...inputShape]
 */
export function viewedRows(
  dataset: ViewedData,
  shard: number,
  rows: Ids,
  view: View | undefined,
): Float32Array {
  const inputs = gatherRows(dataset, shard, rows);
  const ids = Array.from(rows, (row) => sampleId(shard, row));
  applyView(view, dataset, ids, inputs);
  return inputs;
}
