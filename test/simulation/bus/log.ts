import type { LogEntry, LogSize, ReadOptions, WriteOnceLog } from "../../../shared/bus/bus.ts";
import { BusFull } from "../../../shared/bus/errors.ts";
import type { Wire } from "./wire.ts";

export class SimulatedLog implements WriteOnceLog {
  readonly #inner: WriteOnceLog;
  readonly #wire: Wire;

  constructor(inner: WriteOnceLog, wire: Wire) {
    this.#inner = inner;
    this.#wire = wire;
  }

  append(subject: string, data: Uint8Array): Promise<"appended" | "exists"> {
    const attempt = async (): Promise<"appended" | "exists"> => {
      if (!this.#wire.faults.full.has("labels")) return this.#inner.append(subject, data);
      if ((await this.#inner.get(subject)) !== undefined) return "exists";
      throw full("labels", subject);
    };
    return this.#wire.request("append labels", subject, attempt, (answer) => {
      this.#wire.trace.count(`append ${answer}`);
      return answer;
    });
  }

  get(subject: string): Promise<Uint8Array | undefined> {
    return this.#wire.request("get labels", subject, () => this.#inner.get(subject));
  }

  existing(subjects: readonly string[]): Promise<string[]> {
    return this.#wire.request(
      "look for labels",
      subjects.join(),
      () => this.#inner.existing(subjects),
      countOf,
    );
  }

  read(filter: string, signal: AbortSignal, options?: ReadOptions): AsyncIterable<LogEntry> {
    return this.#hear(this.#inner.read(filter, signal, options), signal);
  }

  follow(filter: string, signal: AbortSignal, options?: ReadOptions): AsyncIterable<LogEntry> {
    return this.#hear(this.#inner.follow(filter, signal, options), signal);
  }

  purge(filter: string): Promise<number> {
    return this.#wire.request("purge labels", filter, () => this.#inner.purge(filter), String);
  }

  size(): Promise<LogSize> {
    return this.#wire.request("measure labels", "", () => this.#inner.size());
  }

  requireRoom(bytes: number): Promise<void> {
    return this.#wire.request("ask for room", "", () => this.#inner.requireRoom(bytes));
  }

  #hear(entries: AsyncIterable<LogEntry>, signal: AbortSignal): AsyncIterable<LogEntry> {
    return this.#wire.hear(
      entries,
      signal,
      ({ subject }) => `labels ${subject}`,
      ({ storedAtMs }) => storedAtMs,
    );
  }
}

/** What `shared/bus/nats/errors.ts` makes of a server's refusal. */
export function full(stream: string, subject: string): BusFull {
  return new BusFull(`Cannot append to "${subject}" as ${stream} has no room: simulated`, { retry: true });
}

export function countOf(found: readonly unknown[]): string {
  return String(found.length);
}
