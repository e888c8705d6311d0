import type { LogEntry, LogSize, ReadOptions, WriteOnceLog } from "../bus.ts";
import { checkFilter, checkInside, checkPayload, checkSubject } from "../names.ts";
import { matcher } from "../subjects.ts";
import type { MemoryClient } from "./client.ts";
import type { LogState } from "./hub.ts";
import type { Stored } from "./stream.ts";

export class MemoryLog implements WriteOnceLog {
  readonly #client: MemoryClient;
  readonly #name: string;
  readonly #state: LogState;

  constructor(client: MemoryClient, name: string, state: LogState) {
    this.#client = client;
    this.#name = name;
    this.#state = state;
  }

  async append(subject: string, data: Uint8Array): Promise<"appended" | "exists"> {
    checkSubject(subject);
    checkInside(this.#name, this.#state.filter, subject);
    checkPayload(subject, data.length, this.#client.hub.maxPayloadBytes);
    const sent = data.slice();
    await this.#client.request(`append to "${subject}"`);
    const { stream } = this.#state;
    if (stream.last(subject) !== undefined) return "exists";
    stream.store(subject, sent, this.#client.hub.clock.now());
    return "appended";
  }

  async get(subject: string): Promise<Uint8Array | undefined> {
    checkSubject(subject);
    await this.#client.request(`read "${subject}"`);
    return this.#state.stream.last(subject)?.data.slice();
  }

  async existing(subjects: readonly string[]): Promise<string[]> {
    for (const subject of subjects) checkSubject(subject);
    await this.#client.request(`look for ${subjects.length} subjects in ${this.#name}`);
    return subjects.filter((subject) => this.#state.stream.last(subject) !== undefined);
  }

  read(filter: string, signal: AbortSignal, options: ReadOptions = {}): AsyncIterable<LogEntry> {
    this.#check(filter);
    return this.#entries(filter, signal, options, true);
  }

  follow(filter: string, signal: AbortSignal, options: ReadOptions = {}): AsyncIterable<LogEntry> {
    this.#check(filter);
    return this.#entries(filter, signal, options, false);
  }

  async purge(filter: string): Promise<number> {
    this.#check(filter);
    await this.#client.request(`purge "${filter}" in ${this.#name}`);
    return this.#state.stream.purge(matcher(filter));
  }

  /** The memory of the process is its only limit, of which nobody knows how much is left. */
  async requireRoom(): Promise<void> {
    await this.#client.request(`ask for room in ${this.#name}`);
  }

  async size(): Promise<LogSize> {
    await this.#client.request(`measure ${this.#name}`);
    const { stream } = this.#state;
    return { ...stream.size(), lastSequence: stream.lastSequence };
  }

  #check(filter: string): void {
    checkFilter(filter);
    checkInside(this.#name, this.#state.filter, filter);
  }

  async *#entries(
    filter: string,
    signal: AbortSignal,
    { until = "for-ever", after = 0 }: ReadOptions,
    payloads: boolean,
  ): AsyncGenerator<LogEntry> {
    const { closing, hub } = this.#client;
    const { stream } = this.#state;
    const passes = matcher(filter);
    let last = after > stream.lastSequence ? 0 : after;
    let latest: Stored | undefined;
    /** Up to here nothing passes that was not yielded. */
    let seen = 0;
    let { losses } = stream;
    const action = `read "${filter}" in ${this.#name}`;
    if (until === "now") await this.#client.request(action);
    while (!signal.aborted && !closing.aborted) {
      if (stream.losses > losses) {
        losses = stream.losses;
        seen = 0;
        // As after a reconnect to a server that lost messages: the number may by now be another's.
        const there = stream.at(last);
        if (stream.lastSequence < last || (there !== undefined && there !== latest)) last = 0;
      }
      const found = stream.after(Math.max(last, seen), passes);
      if (found === undefined) {
        if (until === "now") return;
        seen = stream.lastSequence;
        await stream.changed.wait(signal, closing);
        // What woke us is still inside the call that stored it.
        await hub.latency();
        continue;
      }
      last = found.sequence;
      latest = found;
      const { subject, sequence, data, at } = found;
      yield {
        subject,
        data: payloads ? data.slice() : new Uint8Array(0),
        sequence,
        storedAtMs: at,
        bytes: data.length,
      };
    }
    if (until === "now" && !signal.aborted) this.#client.refuseClosed(action);
  }
}
