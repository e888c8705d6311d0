import type { Clock } from "../../shared/bus/clock.ts";

interface Due {
  at: number;
  callback: () => void;
}

/**
 * A clock that stands still until a test moves it: `advance(ms)` runs what becomes due, in order of time and then of
 * asking, and lets promises and I/O callbacks settle before, between and after.
 */
export class ManualClock implements Clock {
  #now = 0;
  readonly #due = new Set<Due>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const due = { at: this.#now + Math.max(0, delayMs), callback };
    this.#due.add(due);
    return () => this.#due.delete(due);
  }

  /** How many callbacks are waiting for their time. */
  get waiting(): number {
    return this.#due.size;
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#due.delete(next);
      this.#now = next.at;
      next.callback();
      await settle();
    }
    this.#now = end;
  }

  #next(end: number): Due | undefined {
    let first: Due | undefined;
    // A Set keeps the order of asking, so the earlier asked wins a tie.
    for (const due of this.#due) if (due.at <= end && (first === undefined || due.at < first.at)) first = due;
    return first;
  }
}

/** Lets everything run that needs no time to pass: promise callbacks, and what they start. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}
