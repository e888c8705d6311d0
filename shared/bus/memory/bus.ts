import type {
  Bus,
  BusStatus,
  CoreMessage,
  KeyValue,
  ObjectStore,
  Subscription,
  WorkQueue,
  WriteOnceLog,
} from "../bus.ts";
import { checkFilter, checkName, checkPayload, checkSubject, checkTtl } from "../names.ts";
import { MemoryClient } from "./client.ts";
import type { MemoryHub } from "./hub.ts";
import { MemoryKv } from "./kv.ts";
import { MemoryLog } from "./log.ts";
import { MemoryObjects } from "./objects.ts";
import { MemoryStream } from "./stream.ts";
import { MemoryWorkQueue } from "./workQueue.ts";

export class MemoryBus implements Bus {
  readonly kind = "memory";
  readonly address = "memory";
  readonly #hub: MemoryHub;
  readonly #client: MemoryClient;
  readonly #statusListeners: ((status: BusStatus) => void)[] = [];

  constructor(hub: MemoryHub, name: string) {
    this.#hub = hub;
    this.#client = new MemoryClient(hub, name);
  }

  get maxPayloadBytes(): number {
    return this.#hub.maxPayloadBytes;
  }

  publish(subject: string, data: Uint8Array): void {
    this.#client.refuseClosed(`publish on "${subject}"`);
    checkSubject(subject);
    checkPayload(subject, data.length, this.maxPayloadBytes);
    this.#hub.core.publish(this.#client, subject, data);
  }

  subscribe(filter: string, onMessage: (message: CoreMessage) => void): Subscription {
    this.#client.refuseClosed(`subscribe to "${filter}"`);
    checkFilter(filter);
    return this.#client.track(this.#hub.core.subscribe(filter, onMessage));
  }

  async log(name: string, filter: string): Promise<WriteOnceLog> {
    checkName("log", name);
    checkFilter(filter);
    await this.#client.request(`open the log ${name}`);
    const create = () => ({ filter, stream: new MemoryStream() });
    return new MemoryLog(this.#client, name, this.#hub.open(this.#hub.logs, name, filter, create));
  }

  async workQueue(name: string, filter: string): Promise<WorkQueue> {
    checkName("work queue", name);
    checkFilter(filter);
    await this.#client.request(`open the work queue ${name}`);
    const create = () => ({
      filter,
      stream: new MemoryStream(),
      consumers: new Map(),
      exhausted: new Set<(subject: string) => void>(),
    });
    return new MemoryWorkQueue(this.#client, name, this.#hub.open(this.#hub.queues, name, filter, create));
  }

  async kv(bucket: string, options: { ttlMs?: number } = {}): Promise<KeyValue> {
    checkName("bucket", bucket);
    checkTtl(bucket, options.ttlMs);
    await this.#client.request(`open the bucket ${bucket}`);
    const state = this.#hub.buckets.get(bucket) ?? { stream: new MemoryStream(), ttlMs: undefined };
    state.ttlMs = options.ttlMs ?? state.ttlMs;
    this.#hub.buckets.set(bucket, state);
    return new MemoryKv(this.#client, state);
  }

  async objects(bucket: string): Promise<ObjectStore> {
    checkName("bucket", bucket);
    await this.#client.request(`open the bucket ${bucket}`);
    const blobs = this.#hub.objectBuckets.get(bucket) ?? new Map();
    this.#hub.objectBuckets.set(bucket, blobs);
    return new MemoryObjects(this.#client, bucket, blobs);
  }

  onStatus(listener: (status: BusStatus) => void): void {
    this.#statusListeners.push(listener);
  }

  async close(): Promise<void> {
    if (!this.#client.close()) return;
    await this.#hub.latency();
    for (const listener of this.#statusListeners) {
      try {
        listener({ kind: "closed", text: "closed the connection to memory" });
      } catch (error) {
        this.#hub.report(error);
      }
    }
  }
}
