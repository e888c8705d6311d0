import { type Clock, sleep } from "../shared/bus/clock.ts";
import { slides } from "../shared/data/views/slidingWindow.ts";
import { streams } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";
import { dispatch } from "./dispatch.ts";
import { dispatching } from "./dispatching.ts";
import { lackingLabels } from "./lackingLabels.ts";

/** Between two looks at whether the log may have lost something. */
const KEEP_MS = 30_000;
/** Between two listings of what the log has, where nothing says that it may have. */
const LIST_MS = 600_000;

/**
 * Once all is labelled: has labelled again what the log has lost since, as a server that comes back without its latest
 * messages, until `signal` aborts. A student that starts anew reads all labels from the log, and would wait for these.
 * Not of runs whose labels may be missing on purpose, with a quorum or of fresh views.
 */
export async function keepLabels(context: CoordinatorContext, signal: AbortSignal): Promise<void> {
  const { bus, clock, notice, store } = context;
  const { ensemble, labels } = store.record.spec;
  if (ensemble.quorum !== "all" || slides(store.record.spec)) return;
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const losses = new LossHints(clock);
  bus.onStatus(({ kind }) => {
    if (kind === "connected") losses.reconnected();
  });
  for (;;) {
    await sleep(clock, KEEP_MS, signal);
    if (signal.aborted) return;
    if (!losses.mayBe((await log.size()).messages)) continue;
    const lacking = await lackingLabels(context, signal).catch((error) => {
      if (signal.aborted && error === signal.reason) return undefined;
      throw error;
    });
    if (!lacking) return;
    const { chunks, pending, since, samplesMissing } = lacking;
    if (chunks.length === 0) continue;
    notice(`the log has lost the labels of ${samplesMissing} samples: they are asked for again`);
    await dispatch(
      {
        ...dispatching(context),
        missing: chunks,
        pending,
        since,
        maxInFlight: labels.maxInFlight,
        onProgress: () => undefined,
      },
      signal,
    );
  }
}

/**
 * Whether it is time to list what a log has: of millions of subjects that takes seconds, and hardly ever anything is gone.
 * What a server loses it loses while it is away, which breaks the connection, or, as one of several, the log is smaller
 * afterwards, unless others have appended as much since: so all is listed now and then, too.
 */
class LossHints {
  readonly #clock: Clock;
  #listedAtMs: number;
  /** As if more had been there: what was lost before the first look nobody has seen. */
  #messages = Number.POSITIVE_INFINITY;
  #reconnected = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#listedAtMs = clock.now();
  }

  reconnected(): void {
    this.#reconnected = true;
  }

  /** @param messages of the log as it is now */
  mayBe(messages: number): boolean {
    const smaller = messages < this.#messages;
    const due = this.#clock.now() - this.#listedAtMs >= LIST_MS;
    const found = smaller || this.#reconnected || due;
    this.#messages = messages;
    this.#reconnected = false;
    if (found) this.#listedAtMs = this.#clock.now();
    return found;
  }
}
