import type { CoordinatorContext } from "./context.ts";
import type { DispatchOptions } from "./dispatch.ts";
import { OverdueWork } from "./exhaustedWork.ts";
import { failStuck } from "./failures.ts";

/** What every dispatch of a run has in common. */
export function dispatching(
  context: CoordinatorContext,
): Pick<DispatchOptions, "bus" | "clock" | "nodes" | "quarantine" | "givesUp" | "onStuck" | "onNotice"> {
  const { bus, clock, membership, quarantine, node, store, notice } = context;
  const overdue = new OverdueWork(bus, clock, { node, run: store.record.run });
  return {
    bus,
    clock,
    nodes: () => membership.alive("teacher").length,
    quarantine,
    givesUp: (filter, pending) => overdue.quarantine(filter, pending),
    onStuck: (subjects) => failStuck(context, subjects),
    onNotice: notice,
  };
}
