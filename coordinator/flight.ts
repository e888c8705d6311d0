import type { WorkQueue } from "../shared/bus/bus.ts";
import { sleep } from "../shared/bus/clock.ts";
import { Wakeup } from "../shared/bus/wakeup.ts";
import { encode } from "../shared/protocol/codec.ts";
import { labelWorkSubject } from "../shared/protocol/subjects.ts";
import { LabelChunk } from "../shared/protocol/work.ts";
import type { Choosy, DispatchOptions } from "./dispatch.ts";
import type { MissingChunk } from "./missingLabels.ts";
import { queueWhenRoom } from "./queueWhenRoom.ts";

/** Between two looks at what is wanted. */
const ASK_AGAIN_MS = 500;

/** The chunks that wait, that are in flight and that are done. */
export class Flight {
  readonly #options: DispatchOptions;
  readonly #queue: WorkQueue;
  readonly #onDone: () => void;
  readonly #open = new Map<string, MissingChunk>();
  readonly #waiting: MissingChunk[];
  readonly inFlight = new Set<MissingChunk>();
  /** In quarantine: neither waiting nor in flight. */
  readonly #aside = new Set<MissingChunk>();
  readonly #room = new Wakeup();
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

  /** Queues waiting chunks up to the bound, again and again as there is room, until `signal` aborts. */
  async keepFull(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const batch = this.#next();
      if (batch.length > 0) {
        // Nobody who tells of an arrival waits for the queue: what arrives meanwhile makes room for a batch at once.
        await Promise.all(batch.map((chunk) => this.publish(chunk, signal)));
        continue;
      }
      if (this.#left === 0) return this.#onDone();
      const more = this.#room.wait(signal);
      if (this.#left === this.#aside.size) {
        await this.#options.onStuck([...this.#aside].map(({ key }) => labelWorkSubject(key)));
      }
      await more;
    }
  }

  /** Takes waiting chunks for which there is room. */
  #next(): MissingChunk[] {
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
    return batch;
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
      this.#room.wake();
    }
  }

  /** Makes room for what is waited for, and queues what was to be later, until `signal` aborts. */
  async askAgain(choosy: Choosy, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#options.clock, ASK_AGAIN_MS, signal);
      const unwanted = [...this.inFlight, ...this.#aside].filter((chunk) => choosy.wants(chunk) === false);
      for (const chunk of unwanted) this.#forget(chunk);
      for (const { key } of unwanted) await this.#queue.purge(labelWorkSubject(key));
      this.#room.wake();
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
    else this.#room.wake();
  }
}
