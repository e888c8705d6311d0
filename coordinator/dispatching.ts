import type { CoordinatorContext } from "./context.ts";
import type { DispatchOptions } from "./dispatch.ts";
import { OverdueWork } from "./exhaustedWork.ts";
import { failStuck } from "./failures.ts";

/** What every dispatch of a run has in common. */
export function dispatching(
  context: CoordinatorContext,
): Pick<DispatchOptions, "bus" | "clock" | "quarantine" | "givesUp" | "onStuck" | "onNotice"> {
  const { bus, clock, quarantine, node, store, notice } = context;
  const overdue = new OverdueWork(bus, clock, { node, run: store.record.run });
  return {
    bus,
    clock,
    quarantine,
    givesUp: (filter, pending) => overdue.quarantine(filter, pending),
    onStuck: (subjects) => failStuck(context, subjects),
    onNotice: notice,
  };
}
