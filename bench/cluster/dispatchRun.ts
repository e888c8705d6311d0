import { dispatch } from "../../coordinator/dispatch.ts";
import { OverdueWork } from "../../coordinator/exhaustedWork.ts";
import type { LackingLabels } from "../../coordinator/lackingLabels.ts";
import { QuarantineWatch } from "../../coordinator/quarantineWatch.ts";
import type { Bus } from "../../shared/bus/bus.ts";
import type { Clock } from "../../shared/bus/clock.ts";
import { RUN } from "./simulatedRun.ts";

/** The dispatch of a run, as its coordinator does it; chunks that nobody comes to the end of end the measurement. */
export async function dispatchRun(
  bus: Bus,
  clock: Clock,
  { chunks: missing, pending, since }: Pick<LackingLabels, "chunks" | "pending" | "since">,
  maxInFlight: number,
  nodes: number,
  signal: AbortSignal,
): Promise<void> {
  const fail = (error: unknown): void => {
    if (!signal.aborted) throw error;
  };
  const overdue = new OverdueWork(bus, clock, { node: "coordinator", run: RUN });
  await dispatch(
    {
      bus,
      clock,
      missing,
      pending,
      since,
      maxInFlight,
      nodes: () => nodes,
      quarantine: await QuarantineWatch.open(bus, fail, signal),
      givesUp: (filter, pending) => overdue.quarantine(filter, pending),
      onStuck(subjects) {
        throw new Error(`nobody comes to the end of ${subjects.join(", ")}`);
      },
      onProgress: () => undefined,
      onNotice: () => undefined,
    },
    signal,
  );
}
