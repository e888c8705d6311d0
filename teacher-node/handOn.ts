import type { WorkQueue } from "../shared/bus/bus.ts";
import { encode } from "../shared/protocol/codec.ts";
import { labelWorkSubject } from "../shared/protocol/subjects.ts";
import { LabelChunks } from "../shared/protocol/work.ts";

/**
 * Queues chunks of an item one by one, for whoever comes to them first. Done before the item is acknowledged, so that
 * nothing is lost with a node that dies in between.
 * @param chunks their numbers
 */
export async function handOn(queue: WorkQueue, work: LabelChunks, chunks: readonly number[]): Promise<void> {
  const items = chunks.map((chunk): LabelChunks => ({ ...work, chunk, count: 1 }));
  await Promise.all(items.map((one) => queue.publish(labelWorkSubject(one), encode(LabelChunks, one))));
}
