import type { Clock } from "../../shared/bus/clock.ts";
import { type Rng, rng } from "../../shared/determinism/rng.ts";

interface Due {
  readonly at: number;
  /** Decides among what is due at one instant; drawn, or below all that are drawn. */
  readonly tie: number;
  /** Decides among equals: the order of asking. */
  readonly number: number;
  readonly owner: string;
  callback: (() => void) | undefined;
}

/** The owner of what happens on the way between nodes and inside the server. */
export const HUB = "hub";

/**
 * The time of a simulation, and its scheduler: one thing happens after the other, and of those that are due at one
 * instant the seed decides which is first. Everything that follows on a thing without waiting happens before the next.
 */
export class SimulatedClock implements Clock {
  #now = 0;
  #numbers = 0;
  #waiting = 0;
  readonly #heap: Due[] = [];
  readonly #ties: Rng;
  /** Whose share of the simulation is measured, in processor milliseconds of this host. */
  readonly #measured: string | undefined;
  hostMs = 0;
  /** Things that have happened. */
  events = 0;

  constructor(seed: number | string, options: { measured?: string | undefined } = {}) {
    this.#ties = rng(seed, "ties");
    this.#measured = options.measured;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void, owner: string = HUB): () => void {
    return this.#add(this.#now + Math.max(0, delayMs), this.#ties.uint32(), callback, owner);
  }

  /** At this instant, before all that is drawn, in the order of asking. */
  next(callback: () => void, owner: string): () => void {
    return this.#add(this.#now, -1, callback, owner);
  }

  /** Resolves after `delayMs`; what then goes on is counted for `owner`. */
  pause(delayMs: number, owner: string = HUB): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve, owner));
  }

  /** How many callbacks wait for their time. */
  get waiting(): number {
    return this.#waiting;
  }

  /** The next thing that is due by `endMs`, with all that follows on it; false when there is none. */
  async step(endMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    let due = this.#heap[0];
    for (; due && !due.callback; due = this.#heap[0]) this.#pop();
    if (!due?.callback || due.at > endMs) return false;
    const { callback, owner, at } = this.#pop() as Due & { callback: () => void };
    due.callback = undefined;
    this.#waiting--;
    this.#now = at;
    this.events++;
    const before = owner === this.#measured ? process.cpuUsage() : undefined;
    callback();
    await settled();
    if (before) this.#charge(before);
    return true;
  }

  /** Everything that is due within `ms`. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    while (await this.step(end));
    this.#now = end;
  }

  #charge(before: NodeJS.CpuUsage): void {
    // Processor time, as others may keep this process from running.
    const { user, system } = process.cpuUsage(before);
    this.hostMs += (user + system) / 1000;
  }

  #add(at: number, tie: number, callback: () => void, owner: string): () => void {
    const due: Due = { at, tie, number: this.#numbers++, owner, callback };
    this.#push(due);
    this.#waiting++;
    return () => {
      if (due.callback) this.#waiting--;
      due.callback = undefined;
    };
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let place = heap.push(due) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (isBefore(heap[parent] as Due, due)) break;
      heap[place] = heap[parent] as Due;
      place = parent;
    }
    heap[place] = due;
  }

  #pop(): Due | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child++;
      if (isBefore(last, heap[child] as Due)) break;
      heap[place] = heap[child] as Due;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a: Due, b: Due): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.tie === b.tie ? a.number < b.number : a.tie < b.tie;
}

/** Lets everything run that needs no time to pass. One turn is enough: nothing in a simulation waits for I/O. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
