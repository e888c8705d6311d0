import { anySignal } from "../shared/bus/anySignal.ts";
import type { Bus, WorkQueue, WriteOnceLog } from "../shared/bus/bus.ts";
import { type Clock, sleep } from "../shared/bus/clock.ts";
import { labelWorkFilter, streams } from "../shared/protocol/subjects.ts";
import { Flight } from "./flight.ts";
import { labelsFilter } from "./loggedParts.ts";
import type { MissingChunk } from "./missingLabels.ts";
import { pendingWork } from "./pendingWork.ts";
import type { QuarantineWatch } from "./quarantineWatch.ts";

export interface DispatchOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly missing: readonly MissingChunk[];
  /**
   * Subjects of what was queued, by whomever, before the log was looked at for what is missing: what it asks for is in flight.
   * Looked at later, what was done in between would be in neither, and be done again.
   */
  readonly pending: ReadonlySet<string>;
  /** The log's last sequence before that, so that what is known to be there is not read again. */
  readonly since: number;
  /** Chunks. */
  readonly maxInFlight: number;
  /** Teacher nodes that are there now. */
  readonly nodes: () => number;
  /** Each chunk is asked for by itself, however many could be asked for together. */
  readonly alone?: boolean;
  readonly onProgress: (done: number, inFlight: number) => void;
  readonly onNotice: (text: string) => void;
  /** Work that is not to be queued. */
  readonly quarantine: QuarantineWatch;
  /** Finds in what is pending what was handed out for the last time long ago, and puts it into quarantine. */
  readonly givesUp: (filter: string, pending: ReadonlySet<string>) => Promise<void>;
  /** Called when all else is labelled and these are in quarantine: nobody will do them. May throw, which ends the dispatch. */
  readonly onStuck: (subjects: readonly string[]) => void | Promise<void>;
  /** Of a run that goes on without some labels; absent: every chunk is waited for. */
  readonly choosy?: Choosy;
}

/** Who decides which chunks are still waited for, and is told how they come on. */
export interface Choosy {
  /** Asked of what is to be queued, and again and again of what is in flight; of what is wanted later nothing behind it is queued before. */
  wants(chunk: MissingChunk): boolean | "later";
  onQueued(chunk: MissingChunk): void;
  /** A chunk is there with all its parts. */
  onLabelled(chunk: MissingChunk): void;
}

/** Between two comparisons of what is in flight with what log and queue hold. */
export const RECONCILE_MS = 10_000;

/**
 * Queues the chunks that the log lacks, at most `maxInFlight` at once, and follows their labels as they arrive.
 * The log is the truth, work is a hint: a chunk that is in neither, after a lost message or block, is queued again.
 * What nobody waits for any more leaves the queue, so that a slow teacher comes to what is waited for.
 * Resolves when the log has all that is wanted, or when `signal` aborts.
 */
export async function dispatch(options: DispatchOptions, signal: AbortSignal): Promise<void> {
  const { bus } = options;
  if (options.missing.length === 0) return;
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const done = new AbortController();
  const until = anySignal(signal, done.signal);
  const flight = new Flight(options, queue, () => done.abort());
  await Promise.all([
    flight.keepFull(until),
    reconcile(flight, log, queue, options, until),
    flight.heedQuarantine(until),
    ...(options.choosy ? [flight.askAgain(options.choosy, until)] : []),
    ...filtersOf(options.missing).map(async (filter) => {
      for await (const { subject } of log.follow(filter, until, { after: options.since }))
        flight.arrived(subject);
    }),
  ]);
}

/** What is followed, of each teacher. */
function filtersOf(missing: readonly MissingChunk[]): string[] {
  const views = new Map<string, Set<string>>();
  for (const { key } of missing) {
    views.set(key.labelling, (views.get(key.labelling) ?? new Set()).add(key.view));
  }
  return [...views].map(([labelling, of]) => labelsFilter(labelling, of));
}

async function reconcile(
  flight: Flight,
  log: WriteOnceLog,
  queue: WorkQueue,
  { clock, givesUp }: DispatchOptions,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleep(clock, RECONCILE_MS, signal);
    if (signal.aborted) return;
    const queued = flight.queued();
    const labellings = new Set(flight.inFlight.map(({ key }) => key.labelling));
    const pending = await pendingWork(queue, labellings);
    for (const labelling of labellings) await givesUp(labelWorkFilter(labelling), pending);
    const gone = flight.notPending(queued, pending);
    const open = gone.flatMap(({ parts }) => [...parts.keys()]);
    for (const subject of await log.existing(open)) flight.arrived(subject);
    flight.lost(gone);
  }
}
