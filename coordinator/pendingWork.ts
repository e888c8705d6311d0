import type { WorkQueue } from "../shared/bus/bus.ts";
import { labelWorkFilter } from "../shared/protocol/subjects.ts";

/** Subjects of the work that is queued now, or at nodes, to label with some teachers. */
export async function pendingWork(queue: WorkQueue, labellings: Iterable<string>): Promise<Set<string>> {
  const pending = new Set<string>();
  for (const labelling of new Set(labellings)) {
    for (const subject of await queue.pending(labelWorkFilter(labelling))) pending.add(subject);
  }
  return pending;
}
