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
import { own } from "../bytes.ts";
import { checkFilter, checkName, checkPayload, checkSubject, checkTtl } from "../names.ts";
import { closedError } from "./errors.ts";
import { NatsKv } from "./kv.ts";
import type { Link } from "./link.ts";
import { NatsLog } from "./log.ts";
import { NatsObjects } from "./objects.ts";
import { maxPayloadBytes } from "./stream.ts";
import { NatsWorkQueue } from "./workQueue.ts";

/** The contract over one connection. */
export class NatsBus implements Bus {
  readonly kind = "nats";
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  get address(): string {
    return this.#link.options.address;
  }

  get maxPayloadBytes(): number {
    return maxPayloadBytes(this.#link);
  }

  publish(subject: string, data: Uint8Array): void {
    this.#refuseClosed(`publish on "${subject}"`);
    checkSubject(subject);
    checkPayload(subject, data.length, this.maxPayloadBytes);
    this.#link.nc.publish(subject, data.slice());
  }

  subscribe(filter: string, onMessage: (message: CoreMessage) => void): Subscription {
    this.#refuseClosed(`subscribe to "${filter}"`);
    checkFilter(filter);
    return this.#link.nc.subscribe(filter, {
      callback: (error, message) => {
        if (error !== null) return this.#link.report(error);
        try {
          onMessage({ subject: message.subject, data: own(message.data) });
        } catch (thrown) {
          this.#link.report(thrown);
        }
      },
    });
  }

  async log(name: string, filter: string): Promise<WriteOnceLog> {
    checkName("log", name);
    checkFilter(filter);
    return NatsLog.open(this.#link, name, filter);
  }

  async workQueue(name: string, filter: string): Promise<WorkQueue> {
    checkName("work queue", name);
    checkFilter(filter);
    return NatsWorkQueue.open(this.#link, name, filter);
  }

  async kv(bucket: string, options: { ttlMs?: number } = {}): Promise<KeyValue> {
    checkName("bucket", bucket);
    checkTtl(bucket, options.ttlMs);
    return NatsKv.open(this.#link, bucket, options.ttlMs);
  }

  async objects(bucket: string): Promise<ObjectStore> {
    checkName("bucket", bucket);
    return NatsObjects.open(this.#link, bucket);
  }

  onStatus(listener: (status: BusStatus) => void): void {
    this.#link.onStatus(listener);
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  #refuseClosed(action: string): void {
    if (this.#link.closing.aborted) throw closedError(action, this.address);
  }
}
