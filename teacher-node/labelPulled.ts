import type { WorkItem } from "../shared/bus/bus.ts";
import { MAX_CHUNK_MS } from "../shared/protocol/work.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";
import { keepAlive } from "./keepAlive.ts";
import { type LabelStreams, labelItem } from "./labelItem.ts";

/**
 * Does the items that a node pulled at once: side by side, so that one predicts while the other is encoded and appended.
 * What was handed out before may be what a node died over: such items come last and one by one, so that they take none
 * along, and in turns from either end, as a node that dies over the first has not come to the second.
 */
export async function labelPulled(
  context: NodeContext,
  teacher: ServedTeacher,
  streams: LabelStreams,
  items: readonly WorkItem[],
): Promise<void> {
  const fresh = items.filter(({ delivery }) => delivery === 1);
  const again = items.filter(({ delivery }) => delivery > 1).sort(inTurns);
  const { clock } = context;
  const pulledAtMs = clock.now();
  const isSoon = (): boolean => clock.now() - pulledAtMs < MAX_CHUNK_MS;
  const held = again.map((item) => keepAlive(item, clock, isSoon));
  try {
    await Promise.all(fresh.map((item) => labelItem(context, teacher, streams, item)));
    for (const [place, item] of again.entries()) {
      held[place]?.();
      await labelItem(context, teacher, streams, item);
    }
  } finally {
    for (const release of held) release();
  }
}

/** The one that was handed out less often first; of two that come together again and again, each is first in turn. */
function inTurns(a: WorkItem, b: WorkItem): number {
  if (a.delivery !== b.delivery) return a.delivery - b.delivery;
  const ascending = a.subject < b.subject ? -1 : 1;
  return a.delivery % 2 === 0 ? ascending : -ascending;
}
