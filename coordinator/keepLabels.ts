import { sleep } from "../shared/bus/clock.ts";
import { slides } from "../shared/data/views/slidingWindow.ts";
import type { CoordinatorContext } from "./context.ts";
import { dispatch } from "./dispatch.ts";
import { dispatching } from "./dispatching.ts";
import { lackingLabels } from "./lackingLabels.ts";

/** Between two looks at whether the log still has what it had. */
export const KEEP_MS = 30_000;

/**
 * Once all is labelled: has labelled again what the log has lost since, as a server that comes back without its latest
 * messages, until `signal` aborts. A student that starts anew reads all labels from the log, and would wait for these.
 * Not of runs whose labels may be missing on purpose, with a quorum or of fresh views.
 */
export async function keepLabels(context: CoordinatorContext, signal: AbortSignal): Promise<void> {
  const { clock, notice, store } = context;
  const { ensemble, labels } = store.record.spec;
  if (ensemble.quorum !== "all" || slides(store.record.spec)) return;
  for (;;) {
    await sleep(clock, KEEP_MS, signal);
    if (signal.aborted) return;
    const { chunks, samplesMissing } = await lackingLabels(context);
    if (chunks.length === 0) continue;
    notice(`the log has lost the labels of ${samplesMissing} samples: they are asked for again`);
    await dispatch(
      {
        ...dispatching(context),
        missing: chunks,
        maxInFlight: labels.maxInFlight,
        onProgress: () => undefined,
      },
      signal,
    );
  }
}
