import type { Bus } from "../../shared/bus/bus.ts";
import {
  buckets,
  importKeys,
  numericsKeys,
  shardLabelsFilter,
  streams,
} from "../../shared/protocol/subjects.ts";
import { readKnown } from "./known.ts";
import { type PrunePlan, requireNoneBegan, requireUnused } from "./prunePlan.ts";
import type { LabelGroup } from "./survey.ts";

export interface Pruned {
  readonly messages: number;
  readonly labellings: number;
}

/**
 * Deletes what a plan names, labelling by labelling, and looks each time whether a run has begun that needs it. With the
 * last labels of a teacher goes what is known of it alone: that it was imported, and how its first node rounded.
 * @param groups all that the log held when the plan was made
 * @throws LabelsInUse; the reason of `signal` when it aborts between two labellings
 */
export async function prune(
  bus: Bus,
  { remove }: PrunePlan,
  groups: readonly LabelGroup[],
  signal: AbortSignal,
  onProgress?: (messages: number) => void,
): Promise<Pruned> {
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const labellings = new Set(remove.map(({ labelling }) => labelling));
  let messages = 0;
  for (const labelling of labellings) {
    signal.throwIfAborted();
    const known = await readKnown(bus);
    requireUnused(known, [labelling]);
    const own = remove.filter((group) => group.labelling === labelling);
    const all = groups.filter((group) => group.labelling === labelling).length === own.length;
    const identity = known.labellings.get(labelling)?.identity;
    // An import that is not all there is none, so this goes first.
    if (all && identity) await forget(bus, buckets.imports, importKeys.labelling(identity, labelling));
    for (const group of own) {
      messages += await log.purge(shardLabelsFilter(group));
      onProgress?.(messages);
    }
    requireNoneBegan(await readKnown(bus), labelling);
    if (all) await forget(bus, buckets.numerics, numericsKeys.all(labelling));
  }
  return { messages, labellings: labellings.size };
}

async function forget(bus: Bus, bucket: string, filter: string): Promise<void> {
  const kv = await bus.kv(bucket);
  for (const key of await kv.keys(filter)) await kv.delete(key);
}
