import { transferSet } from "../shared/data/transferSet.ts";
import { labelledViewHashes } from "../shared/data/views/viewSchedule.ts";
import { StillhouseError } from "../shared/errors.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import { streams } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";
import { findMissing, type Labelling, type MissingLabels } from "./missingLabels.ts";

/** What the log lacks of the labels that nodes are to give for a run whose teachers are there. */
export async function lackingLabels({
  bus,
  store,
  dataset,
}: Pick<CoordinatorContext, "bus" | "store" | "dataset">): Promise<MissingLabels> {
  const { spec } = store.record;
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const seen = transferSet(dataset, spec.data);
  return findMissing(log, seen, spec.labels, labelledViewHashes(spec, seen), labellings(store.record));
}

/** Of the teachers that nodes label with. */
function labellings({ run, teachers }: RunRecord): Labelling[] {
  return teachers.flatMap(({ name, ready }) => {
    if (!ready)
      throw new StillhouseError(`Cannot label with teacher "${name}" of run ${run}: it is not there`);
    return ready.model ? [ready] : [];
  });
}
