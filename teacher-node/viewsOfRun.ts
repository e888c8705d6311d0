import type { Dataset } from "../shared/data/dataset.ts";
import { type View, viewOf } from "../shared/data/views/view.ts";
import { labelledViewHashes } from "../shared/data/views/viewSchedule.ts";
import type { RunRecord } from "../shared/protocol/run.ts";

// A run of many views asks for each of them chunk by chunk. A record that changes is another one.
const known = new WeakMap<RunRecord, Map<string, View | undefined>>();

/** The views that a run has labelled, by their hashes; undefined is the samples themselves. */
export function viewsOfRun(run: RunRecord, dataset: Dataset): ReadonlyMap<string, View | undefined> {
  const found = known.get(run);
  if (found) return found;
  const views = new Map(
    labelledViewHashes(run.spec, dataset).map((hash, number) => [hash, viewOf(run.spec.views, number)]),
  );
  known.set(run, views);
  return views;
}
