import type { Bus } from "../shared/bus/bus.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { transferSet } from "../shared/data/transferSet.ts";
import { labelledViewHashes } from "../shared/data/views/viewSchedule.ts";
import { StillhouseError } from "../shared/errors.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import { streams } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";
import type { DispatchOptions } from "./dispatch.ts";
import { findMissing, type Labelling, type MissingLabels } from "./missingLabels.ts";
import { pendingWork } from "./pendingWork.ts";

/** With what was so before the log was looked at. */
export type LackingLabels = MissingLabels & Pick<DispatchOptions, "pending" | "since">;

/** What the log lacks of the labels that nodes are to give for a run whose teachers are there. */
export async function lackingLabels(
  { bus, store, dataset }: Pick<CoordinatorContext, "bus" | "store" | "dataset">,
  signal: AbortSignal,
): Promise<LackingLabels> {
  const { spec } = store.record;
  const seen = transferSet(dataset, spec.data);
  const views = labelledViewHashes(spec, seen);
  return findLacking(bus, seen, spec.labels, views, labellings(store.record), signal);
}

/** The same of any data and views. */
export async function findLacking(
  bus: Bus,
  dataset: Dataset,
  labels: { readonly chunkSize: number },
  views: readonly string[],
  labellings: readonly Labelling[],
  signal: AbortSignal,
): Promise<LackingLabels> {
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const pending = await pendingWork(
    queue,
    labellings.map(({ labelling }) => labelling),
  );
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const { lastSequence: since } = await log.size();
  return { ...(await findMissing(log, dataset, labels, views, labellings, signal)), pending, since };
}

/** Of the teachers that nodes label with. */
function labellings({ run, teachers }: RunRecord): Labelling[] {
  return teachers.flatMap(({ name, ready }) => {
    if (!ready)
      throw new StillhouseError(`Cannot label with teacher "${name}" of run ${run}: it is not there`);
    return ready.model ? [ready] : [];
  });
}
