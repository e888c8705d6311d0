import type { WorkConsumerOptions } from "../bus.ts";
import { matcher } from "../subjects.ts";
import type { MemoryHub, QueueState } from "./hub.ts";
import type { Stored } from "./stream.ts";

export interface Handed {
  readonly message: Stored;
  /** 1 at the first delivery. */
  readonly delivery: number;
}

/** Somebody who pulls and has not got enough yet. */
interface Waiting {
  room: number;
  readonly handed: Handed[];
  /** Called while some came and more has room. */
  linger(): void;
  done(): void;
}

/**
 * The server's side of one durable consumer. A message of the queue is, for its consumer,
 *
 *   new ──pull──> handed out ──ack, term──> gone
 *                   │    ^
 *     ackWait, nak  v    │ pull, deliveries < maxDeliver
 *                  due again ──pull, deliveries = maxDeliver──> exhausted (stays in the queue)
 */
export class ConsumerState {
  readonly #hub: MemoryHub;
  readonly #queue: QueueState;
  #options: WorkConsumerOptions;
  #passes: (subject: string) => boolean;
  #lastNew = 0;
  readonly #deliveries = new Map<number, number>();
  /** Stops the running time of what is handed out, or waits to be due again. */
  readonly #timers = new Map<number, () => void>();
  readonly #dueAgain: number[] = [];
  readonly #waiting = new Set<Waiting>();

  constructor(hub: MemoryHub, queue: QueueState, options: WorkConsumerOptions) {
    this.#hub = hub;
    this.#queue = queue;
    this.#options = options;
    this.#passes = matcher(options.filter);
  }

  get filter(): string {
    return this.#options.filter;
  }

  update(options: WorkConsumerOptions): void {
    this.#options = options;
    this.#passes = matcher(options.filter);
    this.handOut();
  }

  /** Resolves with up to `max` messages, after `waitMs`, or `lingerMs` after the first, with those that came. */
  pull(
    max: number,
    waitMs: number,
    signals: readonly AbortSignal[],
    lingerMs: number = waitMs,
  ): Promise<Handed[]> {
    return new Promise((resolve) => {
      let stopLingering: (() => void) | undefined;
      const waiting: Waiting = {
        room: max,
        handed: [],
        linger: () => {
          stopLingering ??= this.#hub.clock.after(lingerMs, waiting.done);
        },
        done: () => {
          if (!this.#waiting.delete(waiting)) return;
          cancel();
          stopLingering?.();
          for (const signal of signals) signal.removeEventListener("abort", waiting.done);
          resolve(waiting.handed);
        },
      };
      const cancel = this.#hub.clock.after(waitMs, waiting.done);
      this.#waiting.add(waiting);
      for (const signal of signals) signal.addEventListener("abort", waiting.done, { once: true });
      if (max <= 0 || signals.some((signal) => signal.aborted)) waiting.done();
      this.handOut();
    });
  }

  /** Gives whoever waits what there is, longest waiting first. */
  handOut(): void {
    for (const waiting of this.#waiting) {
      while (waiting.room > 0) {
        const next = this.#next();
        if (next === undefined) {
          if (waiting.handed.length > 0) waiting.linger();
          return;
        }
        waiting.room--;
        waiting.handed.push(next);
      }
      waiting.done();
    }
  }

  /** Ack and term: the message is done with. */
  settle(sequence: number): void {
    this.#forget(sequence);
    const message = this.#queue.stream.at(sequence);
    if (message !== undefined) this.#queue.stream.removeSubject(message.subject);
  }

  again(sequence: number, delayMs: number): void {
    if (this.#timers.has(sequence)) this.#time(sequence, delayMs);
  }

  working(sequence: number): void {
    if (this.#timers.has(sequence)) this.#time(sequence, this.#options.ackWaitMs);
  }

  /** The consumer is deleted: nothing comes from it any more. */
  delete(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    this.#dueAgain.length = 0;
    for (const waiting of this.#waiting) waiting.done();
  }

  #next(): Handed | undefined {
    for (let sequence = this.#dueAgain.shift(); sequence !== undefined; sequence = this.#dueAgain.shift()) {
      const message = this.#queue.stream.at(sequence);
      if (message === undefined) continue;
      if ((this.#deliveries.get(sequence) ?? 0) < this.#options.maxDeliver) return this.#hand(message);
      this.#exhaust(message);
    }
    const message = this.#queue.stream.after(this.#lastNew, this.#passes);
    if (message === undefined) return undefined;
    this.#lastNew = message.sequence;
    return this.#hand(message);
  }

  #hand(message: Stored): Handed {
    const delivery = (this.#deliveries.get(message.sequence) ?? 0) + 1;
    this.#deliveries.set(message.sequence, delivery);
    this.#time(message.sequence, this.#options.ackWaitMs);
    return { message, delivery };
  }

  #time(sequence: number, ms: number): void {
    this.#timers.get(sequence)?.();
    const due = (): void => {
      this.#timers.delete(sequence);
      this.#dueAgain.push(sequence);
      this.handOut();
    };
    this.#timers.set(sequence, this.#hub.clock.after(ms, due));
  }

  #exhaust(message: Stored): void {
    this.#forget(message.sequence);
    for (const listener of this.#queue.exhausted) {
      queueMicrotask(() => {
        try {
          if (this.#queue.exhausted.has(listener)) listener(message.subject);
        } catch (error) {
          this.#hub.report(error);
        }
      });
    }
  }

  #forget(sequence: number): void {
    this.#timers.get(sequence)?.();
    this.#timers.delete(sequence);
    this.#deliveries.delete(sequence);
  }
}
