import { createHash } from "node:crypto";
import type { Clock } from "../../shared/bus/clock.ts";

const LAST_LINES = 60;

/** By a request of its own; by one that was sent before, and had no answer then; or by a node that had pulled it among others. */
export type Queued = "once" | "again" | "handed on";

/** What happened on the bus, line by line with its time: a digest of all of it, and the last lines to be read. */
export class Trace {
  readonly #clock: Clock;
  readonly #hash = createHash("sha256");
  readonly #last: string[] = [];
  readonly #onLine: ((line: string) => void) | undefined;
  /** How often each kind of thing happened. */
  readonly counts = new Map<string, number>();
  /** Of items, by subject, how the last one came into the queue. */
  readonly queued = new Map<string, Queued>();
  lines = 0;

  /** @param onLine hears every line */
  constructor(clock: Clock, onLine?: (line: string) => void) {
    this.#clock = clock;
    this.#onLine = onLine;
  }

  add(who: string, what: string): void {
    const line = `${this.#clock.now().toFixed(3)} ${who} ${what}`;
    this.#hash.update(line).update("\n");
    this.#onLine?.(line);
    this.#last.push(line);
    if (this.#last.length > LAST_LINES) this.#last.shift();
    this.lines++;
  }

  count(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }

  get last(): readonly string[] {
    return this.#last;
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}
