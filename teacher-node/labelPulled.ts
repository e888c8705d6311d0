import type { WorkConsumer, WorkItem } from "../shared/bus/bus.ts";
import { MAX_CHUNK_MS } from "../shared/protocol/work.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";
import { keepAlive } from "./keepAlive.ts";
import { type LabelStreams, labelItem } from "./labelItem.ts";

/** Items that are computed at once: enough that the compute has its next, few enough that a fast node takes more. */
const AT_ONCE = 2;
/** Beside them, items whose labels are still on their way to the log. */
const ON_THEIR_WAY = 2;
const PULL_WAIT_MS = 2_000;
/** One that came waits so long for another: where the queue has one, both come together. */
const PULL_LINGER_MS = 2;

/**
 * Does work items until `signal` aborts: side by side, so that one predicts while the other is encoded and appended, and the
 * next is pulled as soon as one is computed.
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
  const { clock } = context;
  const computing = new Set<Promise<void>>();
  const begun = new Set<Promise<void>>();
  const begin = (item: WorkItem): void => {
    let ended: Promise<void> | undefined;
    const computed = new Promise<void>((resolve) => {
      ended = labelItem(context, teacher, streams, item, resolve);
    });
    if (!ended) return;
    track(begun, ended);
    track(computing, Promise.race([computed, ended]));
  };
  while (!signal.aborted) {
    while (computing.size >= AT_ONCE) await Promise.race(computing);
    while (begun.size >= AT_ONCE + ON_THEIR_WAY) await Promise.race(begun);
    const items = await consumer.pull(AT_ONCE - computing.size, PULL_WAIT_MS, signal, PULL_LINGER_MS);
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
