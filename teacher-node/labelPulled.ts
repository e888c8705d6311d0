import type { WorkConsumer, WorkItem } from "../shared/bus/bus.ts";
import { MAX_CHUNK_MS } from "../shared/protocol/work.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";
import { AT_ONCE } from "./itemsAtDevice.ts";
import { keepAlive } from "./keepAlive.ts";
import { type LabelStreams, labelItem } from "./labelItem.ts";

/** Items of a teacher that are not acknowledged: those at the device, and as many whose labels are on their way to the log. */
const BEGUN = 2 * AT_ONCE;
const PULL_WAIT_MS = 2_000;
/** One that came waits so long for another: where the queue has one, both come together. */
const PULL_LINGER_MS = 2;

/**
 * Does work items until `signal` aborts: side by side, so that one predicts while the other is encoded and appended, and the
 * next is pulled as soon as one is computed. Where a node has several teachers, one item of each is enough: what it pulled
 * more would lie there while other nodes have nothing to do.
 * What was handed out before may be what a node died over: such items are done when nothing else is, and one by one, so
 * that they take none along, and in turns from either end, as a node that dies over the first has not come to the second.
 */
export async function labelPulled(
  context: NodeContext,
  teacher: ServedTeacher,
  streams: LabelStreams,
  consumer: WorkConsumer,
  signal: AbortSignal,
): Promise<void> {
  const { clock, atDevice } = context;
  const begun = new Set<Promise<void>>();
  let own = 0;
  const begin = (item: WorkItem): void => {
    own++;
    atDevice.began();
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      own--;
      atDevice.ended();
    };
    track(begun, labelItem(context, teacher, streams, item, over).finally(over));
  };
  while (!signal.aborted) {
    while (own > 0 && atDevice.now >= AT_ONCE && !signal.aborted) await atDevice.change(signal);
    while (begun.size >= BEGUN) await Promise.race(begun);
    const items = await consumer.pull(
      Math.max(1, AT_ONCE - atDevice.now),
      PULL_WAIT_MS,
      signal,
      PULL_LINGER_MS,
    );
    const again = items.filter(({ delivery }) => delivery > 1).sort(inTurns);
    for (const item of items) if (item.delivery === 1) begin(item);
    if (again.length === 0) continue;
    const pulledAtMs = clock.now();
    const isSoon = (): boolean => clock.now() - pulledAtMs < MAX_CHUNK_MS;
    const held = again.map((item) => keepAlive(item, clock, isSoon));
    try {
      await Promise.all(begun);
      for (const [place, item] of again.entries()) {
        held[place]?.();
        await labelItem(context, teacher, streams, item);
      }
    } finally {
      for (const release of held) release();
    }
  }
  await Promise.all(begun);
}

/** Keeps a promise in a set until it is settled; one that rejects stays, for whoever waits. */
function track(set: Set<Promise<void>>, promise: Promise<void>): void {
  set.add(promise);
  promise.then(
    () => set.delete(promise),
    () => undefined,
  );
}

/** The one that was handed out less often first; of two that come together again and again, each is first in turn. */
function inTurns(a: WorkItem, b: WorkItem): number {
  if (a.delivery !== b.delivery) return a.delivery - b.delivery;
  const ascending = a.subject < b.subject ? -1 : 1;
  return a.delivery % 2 === 0 ? ascending : -ascending;
}
