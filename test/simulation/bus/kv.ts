import type { KeyValue, KvChange, KvEntry } from "../../../shared/bus/bus.ts";
import { sameBytes } from "../../../shared/bus/bytes.ts";
import { RevisionConflict } from "../../../shared/bus/errors.ts";
import type { Wire } from "./wire.ts";

export class SimulatedKv implements KeyValue {
  readonly #inner: KeyValue;
  readonly #name: string;
  readonly #wire: Wire;

  constructor(inner: KeyValue, name: string, wire: Wire) {
    this.#inner = inner;
    this.#name = name;
    this.#wire = wire;
  }

  get(key: string): Promise<KvEntry | undefined> {
    return this.#request(
      "get",
      key,
      () => this.#inner.get(key),
      (found) => `${found?.revision ?? "none"}`,
    );
  }

  create(key: string, value: Uint8Array): Promise<number> {
    return this.#write("create", key, value, 0, () => this.#inner.create(key, value));
  }

  update(key: string, value: Uint8Array, revision: number): Promise<number> {
    return this.#write("update", key, value, revision, () => this.#inner.update(key, value, revision));
  }

  put(key: string, value: Uint8Array): Promise<number> {
    return this.#request("put", key, () => this.#inner.put(key, value), String);
  }

  delete(key: string): Promise<void> {
    return this.#request("delete", key, () => this.#inner.delete(key));
  }

  keys(filter: string): Promise<string[]> {
    return this.#request(
      "keys",
      filter,
      () => this.#inner.keys(filter),
      (keys) => keys.join(" "),
    );
  }

  watch(filter: string, signal: AbortSignal): AsyncIterable<KvChange> {
    const changes = this.#inner.watch(filter, signal);
    return this.#wire.hear(changes, signal, ({ key, revision }) => `${this.#name} ${key} ${revision}`);
  }

  /** A write that was sent again finds its own first one and is done, as in `shared/bus/nats/kv.ts`. */
  #write(
    how: string,
    key: string,
    value: Uint8Array,
    revision: number,
    write: () => Promise<number>,
  ): Promise<number> {
    const attempt = async (again: boolean): Promise<number> => {
      try {
        return await write();
      } catch (error) {
        if (!again || !(error instanceof RevisionConflict)) throw error;
        const found = await this.#inner.get(key);
        if (found && found.revision > revision && sameBytes(found.value, value)) return found.revision;
        throw error;
      }
    };
    return this.#request(how, key, attempt, String);
  }

  #request<T>(
    how: string,
    key: string,
    attempt: (again: boolean) => Promise<T>,
    show?: (value: T) => string,
  ): Promise<T> {
    return this.#wire.request(`${how} ${this.#name}`, key, attempt, show);
  }
}
