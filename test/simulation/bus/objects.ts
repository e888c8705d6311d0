import type { ObjectStore } from "../../../shared/bus/bus.ts";
import { countOf } from "./log.ts";
import type { Wire } from "./wire.ts";

export class SimulatedObjects implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #name: string;
  readonly #wire: Wire;

  constructor(inner: ObjectStore, name: string, wire: Wire) {
    this.#inner = inner;
    this.#name = name;
    this.#wire = wire;
  }

  put(name: string, data: Uint8Array): Promise<void> {
    return this.#wire.request(`store ${this.#name}`, name, () => this.#inner.put(name, data));
  }

  get(name: string): Promise<Uint8Array | undefined> {
    const show = (found: Uint8Array | undefined): string => (found ? `${found.length} bytes` : "none");
    return this.#wire.request(`fetch ${this.#name}`, name, () => this.#inner.get(name), show);
  }

  delete(name: string): Promise<void> {
    return this.#wire.request(`drop ${this.#name}`, name, () => this.#inner.delete(name));
  }

  names(): Promise<string[]> {
    return this.#wire.request(`names ${this.#name}`, "", () => this.#inner.names(), countOf);
  }
}
