import type { Bus, WorkQueue } from "../shared/bus/bus.ts";
import type { Clock } from "../shared/bus/clock.ts";
import { matches } from "../shared/bus/subjects.ts";
import { Wakeup } from "../shared/bus/wakeup.ts";
import { Attempts, attemptsText } from "../shared/cluster/attempts.ts";
import { quarantine } from "../shared/cluster/quarantine.ts";
import { streams, trainWorkFilter } from "../shared/protocol/subjects.ts";
import { ACK_WAIT_MS, LABEL_MAX_DELIVER, MAX_CHUNK_MS } from "../shared/protocol/work.ts";
import type { CoordinatorContext } from "./context.ts";
import { RunFailed, workFilters } from "./failures.ts";

/**
 * Puts chunks that the queue gives up into quarantine. A training that it gives up fails the run: nothing could go on
 * without that teacher.
 */
export async function quarantineExhausted(
  { bus, store, clock, node }: CoordinatorContext,
  signal: AbortSignal,
): Promise<void> {
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  for await (const subject of exhausted(queue, signal)) {
    const { run } = store.record;
    const filter = workFilters(store.record).find((filter) => matches(filter, subject));
    if (filter === undefined) continue;
    if (!matches(trainWorkFilter, subject)) {
      await quarantine(bus, clock, subject, { node, run });
      continue;
    }
    const attempts = await Attempts.open(bus, clock);
    const told = attemptsText(await attempts.of(subject));
    await attempts.forget(subject);
    await queue.purge(filter);
    throw new RunFailed(
      `Run ${run} failed as no teacher node came to the end of ${subject}, handed out again and again: ${told}`,
      { fields: { run, subject } },
    );
  }
}

/**
 * The same of chunks whose end nobody heard of, as the word of the queue is lost where no coordinator listens: those that
 * are pending, and were begun for the last time longer ago than a try may take.
 */
export class OverdueWork {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #by: { readonly node: string; readonly run: string };
  /** By this coordinator's clock: that of a node may differ. */
  readonly #seenAtMs = new Map<string, number>();

  constructor(bus: Bus, clock: Clock, by: { readonly node: string; readonly run: string }) {
    this.#bus = bus;
    this.#clock = clock;
    this.#by = by;
  }

  /** @param filter of the work that is looked at; @param pending subjects that are in the queue, of it and of others */
  async quarantine(filter: string, pending: ReadonlySet<string>): Promise<void> {
    const attempts = await Attempts.open(this.#bus, this.#clock);
    const last = new Set(await attempts.delivered(filter, LABEL_MAX_DELIVER));
    for (const subject of this.#seenAtMs.keys()) {
      if (matches(filter, subject) && !last.has(subject)) this.#seenAtMs.delete(subject);
    }
    const now = this.#clock.now();
    for (const subject of last) {
      const seenAtMs = this.#seenAtMs.get(subject) ?? now;
      this.#seenAtMs.set(subject, seenAtMs);
      if (!pending.has(subject) || now - seenAtMs < MAX_CHUNK_MS + 2 * ACK_WAIT_MS) continue;
      await quarantine(this.#bus, this.#clock, subject, this.#by);
    }
  }
}

/** Subjects of work as the queue gives them up, until `signal` aborts. */
async function* exhausted(queue: WorkQueue, signal: AbortSignal): AsyncGenerator<string> {
  const found: string[] = [];
  const news = new Wakeup();
  const listening = queue.onExhausted((subject) => {
    found.push(subject);
    news.wake();
  });
  try {
    while (!signal.aborted) {
      const subject = found.shift();
      if (subject !== undefined) yield subject;
      else await news.wait(signal);
    }
  } finally {
    listening.unsubscribe();
  }
}
