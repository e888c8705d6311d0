import type {
  Bus,
  BusStatus,
  CoreMessage,
  KeyValue,
  ObjectStore,
  Subscription,
  WorkQueue,
  WriteOnceLog,
} from "../../../shared/bus/bus.ts";
import { SimulatedKv } from "./kv.ts";
import { SimulatedLog } from "./log.ts";
import { SimulatedObjects } from "./objects.ts";
import type { Wire } from "./wire.ts";
import { SimulatedQueue } from "./work.ts";

/** A client of the bus in memory, whose way to it is slow, lossy and at times broken. */
export class SimulatedBus implements Bus {
  readonly kind = "memory";
  readonly address = "simulation";
  readonly #inner: Bus;
  readonly #wire: Wire;

  constructor(inner: Bus, wire: Wire) {
    this.#inner = inner;
    this.#wire = wire;
  }

  get maxPayloadBytes(): number {
    return this.#inner.maxPayloadBytes;
  }

  publish(subject: string, data: Uint8Array): void {
    if (this.#wire.sends) this.#inner.publish(subject, data);
  }

  subscribe(filter: string, onMessage: (message: CoreMessage) => void): Subscription {
    return this.#inner.subscribe(filter, (message) => this.#wire.tell(() => onMessage(message)));
  }

  async log(name: string, filter: string): Promise<WriteOnceLog> {
    const inner = await this.#open(name, () => this.#inner.log(name, filter));
    return new SimulatedLog(inner, this.#wire);
  }

  async workQueue(name: string, filter: string): Promise<WorkQueue> {
    const inner = await this.#open(name, () => this.#inner.workQueue(name, filter));
    return new SimulatedQueue(inner, this.#wire);
  }

  async kv(bucket: string, options?: { ttlMs?: number }): Promise<KeyValue> {
    const inner = await this.#open(bucket, () => this.#inner.kv(bucket, options));
    return new SimulatedKv(inner, shortName(bucket), this.#wire);
  }

  async objects(bucket: string): Promise<ObjectStore> {
    const inner = await this.#open(bucket, () => this.#inner.objects(bucket));
    return new SimulatedObjects(inner, shortName(bucket), this.#wire);
  }

  onStatus(listener: (status: BusStatus) => void): void {
    this.#inner.onStatus(listener);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #open<T>(name: string, open: () => Promise<T>): Promise<T> {
    return this.#wire.request("open", shortName(name), open);
  }
}

/** Of a stream or a bucket, as traces and plans have it. */
function shortName(name: string): string {
  return name.replace(/^stillhouse[-_]/i, "").toLowerCase();
}
