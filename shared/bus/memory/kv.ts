import type { KeyValue, KvChange, KvEntry } from "../bus.ts";
import { checkFilter, checkKey, checkPayload } from "../names.ts";
import { revisionConflict } from "../refusals.ts";
import { matcher } from "../subjects.ts";
import type { MemoryClient } from "./client.ts";
import type { BucketState } from "./hub.ts";
import type { Stored } from "./stream.ts";

export class MemoryKv implements KeyValue {
  readonly #client: MemoryClient;
  readonly #state: BucketState;

  constructor(client: MemoryClient, state: BucketState) {
    this.#client = client;
    this.#state = state;
  }

  async get(key: string): Promise<KvEntry | undefined> {
    checkKey(key);
    await this.#client.request(`read the key ${key}`);
    const found = this.#last(key);
    if (found === undefined || found.deleted) return undefined;
    return { key, value: found.data.slice(), revision: found.sequence };
  }

  async create(key: string, value: Uint8Array): Promise<number> {
    return this.#write("create", key, value, (found) => found === undefined || found.deleted, 0);
  }

  async update(key: string, value: Uint8Array, revision: number): Promise<number> {
    return this.#write("update", key, value, (found) => (found?.sequence ?? 0) === revision, revision);
  }

  async put(key: string, value: Uint8Array): Promise<number> {
    return this.#write("put", key, value, () => true, 0);
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.#client.request(`delete the key ${key}`);
    this.#state.stream.store(key, new Uint8Array(0), this.#client.hub.clock.now(), true);
  }

  async keys(filter: string): Promise<string[]> {
    checkFilter(filter);
    await this.#client.request(`list the keys "${filter}"`);
    return this.#state.stream
      .select(matcher(filter))
      .filter((stored) => !stored.deleted && !this.#expired(stored))
      .map(({ subject }) => subject);
  }

  watch(filter: string, signal: AbortSignal): AsyncIterable<KvChange> {
    checkFilter(filter);
    return this.#changes(filter, signal);
  }

  async *#changes(filter: string, signal: AbortSignal): AsyncGenerator<KvChange> {
    const { closing, hub } = this.#client;
    const { stream } = this.#state;
    const before = stream.lastSequence;
    const passes = matcher(filter);
    let last = 0;
    while (!signal.aborted && !closing.aborted) {
      const found = stream.after(last, passes);
      if (found === undefined) {
        last = stream.lastSequence;
        await stream.changed.wait(signal, closing);
        // What woke us is still inside the call that stored it.
        await hub.latency();
        continue;
      }
      last = found.sequence;
      if (this.#expired(found)) continue;
      // A key that was gone before the watch began is no change.
      if (found.deleted && found.sequence <= before) continue;
      const value = found.deleted ? undefined : found.data.slice();
      yield { key: found.subject, value, revision: found.sequence };
    }
  }

  async #write(
    how: string,
    key: string,
    value: Uint8Array,
    allowed: (found: Stored | undefined) => boolean,
    expected: number,
  ): Promise<number> {
    checkKey(key);
    checkPayload(key, value.length, this.#client.hub.maxPayloadBytes);
    const sent = value.slice();
    await this.#client.request(`${how} the key ${key}`);
    const found = this.#last(key);
    if (!allowed(found)) {
      throw revisionConflict(how, key, expected, found?.deleted ? undefined : found?.sequence);
    }
    return this.#state.stream.store(key, sent, this.#client.hub.clock.now()).sequence;
  }

  /** What the key holds, deletions included; a message whose time is over is as good as never written. */
  #last(key: string): Stored | undefined {
    const found = this.#state.stream.last(key);
    return found === undefined || this.#expired(found) ? undefined : found;
  }

  #expired(stored: Stored): boolean {
    const { ttlMs } = this.#state;
    return ttlMs !== undefined && this.#client.hub.clock.now() - stored.at >= ttlMs;
  }
}
