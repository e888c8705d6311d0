import { anySignal } from "../shared/bus/anySignal.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import type { AnyReport } from "../shared/evaluate/taskReportSchema.ts";
import type { CoordinatorContext } from "./context.ts";
import { coordinate } from "./coordinator.ts";
import { cancelRun, pauseRun } from "./pauseOrCancel.ts";
import { Ordered, type RunOrders } from "./runOrders.ts";

/** A run that somebody cancelled: it is over, and another needs another id. */
export class RunCancelled extends StillhouseError {}

/**
 * Coordinates a run as people tell it to: while it is paused nothing is done, and what it had asked for leaves the queue.
 * @throws RunCancelled, and what `coordinate` throws
 */
export async function coordinateByOrders(context: CoordinatorContext, orders: RunOrders): Promise<AnyReport> {
  const { bus, clock, store, signal } = context;
  for (;;) {
    const { state, run } = store.record;
    if (state === "cancelled") throw cancelled(run);
    if (state === "paused") {
      const order = await orders.next(["resume", "cancel"], signal);
      signal.throwIfAborted();
      if (order === "cancel") await cancelRun(bus, clock, store);
      else await store.resume();
      continue;
    }
    const report = await untilOrdered(context, orders);
    if (report) return report;
  }
}

/** @returns undefined when the run was told to pause or to end, and its record says so */
async function untilOrdered(context: CoordinatorContext, orders: RunOrders): Promise<AnyReport | undefined> {
  const { bus, clock, store, signal, notice } = context;
  const { run } = store.record;
  const ordered = new AbortController();
  const over = new AbortController();
  const listening = orders.next(["pause", "cancel"], anySignal(signal, over.signal)).then((order) => {
    if (order) ordered.abort(new Ordered(run, order));
  });
  try {
    return await coordinate({ ...context, signal: anySignal(signal, ordered.signal) });
  } catch (error) {
    if (!(error instanceof Ordered) || signal.aborted) throw error;
    // It may have come to its end just then.
    if (store.record.state === "done") return undefined;
    notice(messageOf(error));
    if (error.order === "cancel") await cancelRun(bus, clock, store);
    else await pauseRun(bus, clock, store);
    return undefined;
  } finally {
    over.abort();
    await listening;
  }
}

function cancelled(run: string): RunCancelled {
  return new RunCancelled(
    `Run ${run} was cancelled: start it anew under another id (\`stillhouse run\` with --fresh)`,
    { fields: { run } },
  );
}
