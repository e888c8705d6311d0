import type { WorkQueue } from "../shared/bus/bus.ts";
import { encode } from "../shared/protocol/codec.ts";
import { labelWorkSubject } from "../shared/protocol/subjects.ts";
import { LabelChunks } from "../shared/protocol/work.ts";

/**
 * Queues chunks of an item one by one, for whoever comes to them first. Done before the item is acknowledged, so that
 * nothing is lost with a node that dies in between.
 * @param from how many of the item's chunks stay with it
 */
export async function handOn(queue: WorkQueue, work: LabelChunks, from = 0): Promise<void> {
  const rest = Array.from({ length: work.count - from }, (_, i): LabelChunks => {
    return { ...work, chunk: work.chunk + from + i, count: 1 };
  });
  await Promise.all(rest.map((one) => queue.publish(labelWorkSubject(one), encode(LabelChunks, one))));
}
