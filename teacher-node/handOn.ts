import type { WorkQueue } from "../shared/bus/bus.ts";
import { encode } from "../shared/protocol/codec.ts";
import { labelWorkSubject } from "../shared/protocol/subjects.ts";
import { LabelChunks } from "../shared/protocol/work.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";
import { writeWhenRoom } from "./writeWhenRoom.ts";

/**
 * Queues chunks of an item one by one, for whoever comes to them first. Done before the item is acknowledged, so that
 * nothing is lost with a node that dies in between.
 * @param chunks their numbers
 * @param onWait the queue has no room, which is waited for
 */
export async function handOn(
  context: NodeContext,
  teacher: ServedTeacher,
  queue: WorkQueue,
  work: LabelChunks,
  chunks: readonly number[],
  onWait: () => void,
): Promise<void> {
  const publish = (chunk: number): Promise<unknown> => {
    const one: LabelChunks = { ...work, chunk, count: 1 };
    const subject = labelWorkSubject(one);
    const write = (): Promise<unknown> => queue.publish(subject, encode(LabelChunks, one));
    return writeWhenRoom(context, teacher, subject, write, onWait);
  };
  await Promise.all(chunks.map(publish));
}
