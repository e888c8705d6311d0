import { anySignal } from "../shared/bus/anySignal.ts";
import type { Bus, WorkQueue, WriteOnceLog } from "../shared/bus/bus.ts";
import { type Clock, sleep } from "../shared/bus/clock.ts";
import { Wakeup } from "../shared/bus/wakeup.ts";
import { encode } from "../shared/protocol/codec.ts";
import {
  allViewsFilter,
  chunkLabelsFilter,
  labelWorkFilter,
  labelWorkSubject,
  shardLabelsFilter,
  streams,
} from "../shared/protocol/subjects.ts";
import { LabelChunk } from "../shared/protocol/work.ts";
import type { MissingChunk } from "./missingLabels.ts";
import type { QuarantineWatch } from "./quarantineWatch.ts";
import { queueWhenRoom } from "./queueWhenRoom.ts";

export interface DispatchOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly missing: readonly MissingChunk[];
  readonly maxInFlight: number;
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
/** Between two looks at what is wanted. */
const ASK_AGAIN_MS = 500;

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
  const missing = await pendingFirst(queue, options.missing);
  const flight = new Flight({ ...options, missing }, queue, () => done.abort());
  await Promise.all([
    flight.keepFull(until),
    reconcile(flight, log, queue, options, until),
    flight.heedQuarantine(until),
    ...(options.choosy ? [flight.askAgain(options.choosy, until)] : []),
    ...filtersOf(options.missing).map(async (filter) => {
      for await (const { subject } of log.follow(filter, until)) flight.arrived(subject);
    }),
  ]);
}

/** What another coordinator has queued is in flight already: counted last, it would come on top of what may be. */
async function pendingFirst(queue: WorkQueue, missing: readonly MissingChunk[]): Promise<MissingChunk[]> {
  const pending = new Set<string>();
  for (const labelling of new Set(missing.map(({ key }) => key.labelling))) {
    for (const subject of await queue.pending(labelWorkFilter(labelling))) pending.add(subject);
  }
  const isPending = ({ key }: MissingChunk): boolean => pending.has(labelWorkSubject(key));
  return [...missing.filter(isPending), ...missing.filter((chunk) => !isPending(chunk))];
}

/**
 * What is followed: of each shard, as one teacher sees it, the view, or, of several, all that there are, so that a run of
 * many views has few followers.
 */
function filtersOf(missing: readonly MissingChunk[]): string[] {
  const views = new Map<string, Set<string>>();
  for (const { key } of missing) {
    const all = allViewsFilter(key);
    views.set(all, (views.get(all) ?? new Set()).add(shardLabelsFilter(key)));
  }
  return [...views].map(([all, [first, second]]) => (second === undefined ? (first as string) : all));
}

/** The chunks that wait, that are in flight and that are done. */
class Flight {
  readonly #options: DispatchOptions;
  readonly #queue: WorkQueue;
  readonly #onDone: () => void;
  readonly #open = new Map<string, MissingChunk>();
  readonly #waiting: MissingChunk[];
  readonly inFlight = new Set<MissingChunk>();
  /** In quarantine: neither waiting nor in flight. */
  readonly #aside = new Set<MissingChunk>();
  readonly #room = new Wakeup();
  #roomCame = false;
  #left: number;

  constructor(options: DispatchOptions, queue: WorkQueue, onDone: () => void) {
    this.#options = options;
    this.#queue = queue;
    this.#onDone = onDone;
    this.#waiting = [...options.missing].reverse();
    this.#left = options.missing.length;
    for (const chunk of options.missing)
      for (const subject of chunk.parts.keys()) this.#open.set(subject, chunk);
  }

  /**
   * Queues chunks as there is room, until `signal` aborts. What arrives while some are on their way to the queue is made
   * up for together: one by one, a run could label no more than a chunk in the time of a request.
   */
  async keepFull(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#roomCame = false;
      await this.fill(signal);
      if (!this.#roomCame) await this.#room.wait(signal);
    }
  }

  /** Queues waiting chunks up to the bound. */
  async fill(signal: AbortSignal): Promise<void> {
    const batch: MissingChunk[] = [];
    while (this.inFlight.size < this.#options.maxInFlight) {
      const chunk = this.#waiting.pop();
      if (!chunk) break;
      // Another run may have had it labelled while it waited here.
      if (chunk.parts.size === 0) continue;
      const wanted = this.#options.choosy?.wants(chunk) ?? true;
      if (wanted === "later") {
        this.#waiting.push(chunk);
        break;
      }
      if (!wanted) {
        this.#forget(chunk);
        continue;
      }
      if (this.#options.quarantine.has(labelWorkSubject(chunk.key))) {
        this.#aside.add(chunk);
        continue;
      }
      this.inFlight.add(chunk);
      batch.push(chunk);
    }
    await Promise.all(batch.map((chunk) => this.publish(chunk, signal)));
    if (this.#left === 0) this.#onDone();
    else if (this.#left === this.#aside.size) {
      await this.#options.onStuck([...this.#aside].map(({ key }) => labelWorkSubject(key)));
    }
  }

  /** Sets aside what comes into quarantine, and queues what is let out, until `signal` aborts. */
  async heedQuarantine(signal: AbortSignal): Promise<void> {
    const { quarantine } = this.#options;
    const isIn = ({ key }: MissingChunk): boolean => quarantine.has(labelWorkSubject(key));
    let version = 0;
    while (!signal.aborted) {
      await quarantine.changedSince(version, signal);
      if (signal.aborted) return;
      version = quarantine.version;
      for (const chunk of [...this.inFlight].filter(isIn)) {
        this.inFlight.delete(chunk);
        this.#aside.add(chunk);
      }
      for (const chunk of [...this.#aside].filter((chunk) => !isIn(chunk))) {
        this.#aside.delete(chunk);
        this.#waiting.push(chunk);
      }
      await this.fill(signal);
    }
  }

  /** Makes room for what is waited for, and queues what was to be later, until `signal` aborts. */
  async askAgain(choosy: Choosy, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#options.clock, ASK_AGAIN_MS, signal);
      const unwanted = [...this.inFlight, ...this.#aside].filter((chunk) => choosy.wants(chunk) === false);
      for (const chunk of unwanted) this.#forget(chunk);
      for (const { key } of unwanted) await this.#queue.purge(labelWorkSubject(key));
      await this.fill(signal);
    }
  }

  /** Nobody waits for a chunk any more: its labels are no news, should they come. */
  #forget(chunk: MissingChunk): void {
    for (const subject of chunk.parts.keys()) this.#open.delete(subject);
    this.inFlight.delete(chunk);
    this.#aside.delete(chunk);
    this.#left--;
  }

  /** Queues one chunk. */
  async publish(chunk: MissingChunk, signal: AbortSignal): Promise<void> {
    const { key } = chunk;
    const { clock, onNotice, choosy } = this.#options;
    const work = encode(LabelChunk, { type: "label-chunk", ...key });
    const queued = await queueWhenRoom(this.#queue, labelWorkSubject(key), work, clock, onNotice, signal);
    if (queued) choosy?.onQueued(chunk);
  }

  arrived(subject: string): void {
    const chunk = this.#open.get(subject);
    if (!chunk) return;
    this.#open.delete(subject);
    chunk.parts.delete(subject);
    if (chunk.parts.size > 0) return;
    this.inFlight.delete(chunk);
    this.#aside.delete(chunk);
    this.#left--;
    this.#options.choosy?.onLabelled(chunk);
    this.#options.onProgress(this.#options.missing.length - this.#left, this.inFlight.size);
    if (this.#left === 0) this.#onDone();
    this.#roomCame = true;
    this.#room.wake();
  }
}

async function reconcile(
  flight: Flight,
  log: WriteOnceLog,
  queue: WorkQueue,
  { clock, givesUp, quarantine }: DispatchOptions,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleep(clock, RECONCILE_MS, signal);
    if (signal.aborted) return;
    const pending = new Set<string>();
    for (const labelling of new Set([...flight.inFlight].map(({ key }) => key.labelling))) {
      const filter = labelWorkFilter(labelling);
      for (const subject of await queue.pending(filter)) pending.add(subject);
      await givesUp(filter, pending);
    }
    for (const chunk of [...flight.inFlight]) {
      const subject = labelWorkSubject(chunk.key);
      if (pending.has(subject) || quarantine.has(subject)) continue;
      for (const subject of await log.subjects(chunkLabelsFilter(chunk.key))) flight.arrived(subject);
      if (flight.inFlight.has(chunk)) await flight.publish(chunk, signal);
    }
  }
}
