import type { Subscription, WorkConsumer, WorkConsumerOptions, WorkItem, WorkQueue } from "../bus.ts";
import { checkFilter, checkInside, checkName, checkPayload, checkSubject } from "../names.ts";
import { consumerOverlap } from "../refusals.ts";
import { matcher, overlap } from "../subjects.ts";
import type { MemoryClient } from "./client.ts";
import type { QueueState } from "./hub.ts";
import { ConsumerState, type Handed } from "./workConsumer.ts";

export class MemoryWorkQueue implements WorkQueue {
  readonly #client: MemoryClient;
  readonly #name: string;
  readonly #state: QueueState;

  constructor(client: MemoryClient, name: string, state: QueueState) {
    this.#client = client;
    this.#name = name;
    this.#state = state;
  }

  async publish(subject: string, data: Uint8Array): Promise<"queued" | "exists"> {
    checkSubject(subject);
    checkInside(this.#name, this.#state.filter, subject);
    checkPayload(subject, data.length, this.#client.hub.maxPayloadBytes);
    const sent = data.slice();
    await this.#client.request(`queue "${subject}"`);
    if (this.#state.stream.last(subject) !== undefined) return "exists";
    this.#state.stream.store(subject, sent, this.#client.hub.clock.now());
    for (const consumer of this.#state.consumers.values()) consumer.handOut();
    return "queued";
  }

  async pending(filter: string): Promise<string[]> {
    checkFilter(filter);
    await this.#client.request(`list "${filter}" in ${this.#name}`);
    return this.#state.stream.select(matcher(filter)).map(({ subject }) => subject);
  }

  async purge(filter: string): Promise<number> {
    checkFilter(filter);
    checkInside(this.#name, this.#state.filter, filter);
    await this.#client.request(`purge "${filter}" in ${this.#name}`);
    return this.#state.stream.purge(matcher(filter));
  }

  async consumer(options: WorkConsumerOptions): Promise<WorkConsumer> {
    checkName("consumer", options.name);
    checkFilter(options.filter);
    checkInside(this.#name, this.#state.filter, options.filter);
    await this.#client.request(`open the consumer ${options.name} of ${this.#name}`);
    this.#open(options).update(options);
    return new MemoryWorkConsumer(this.#client, () => this.#open(options));
  }

  async deleteConsumer(name: string): Promise<void> {
    checkName("consumer", name);
    await this.#client.request(`delete the consumer ${name} of ${this.#name}`);
    const consumer = this.#state.consumers.get(name);
    this.#state.consumers.delete(name);
    consumer?.delete();
  }

  onExhausted(listener: (subject: string) => void): Subscription {
    this.#client.refuseClosed("listen for exhausted work");
    // Wrapped, so that one function may listen twice.
    const own = (subject: string): void => listener(subject);
    this.#state.exhausted.add(own);
    return this.#client.track({ unsubscribe: () => this.#state.exhausted.delete(own) });
  }

  #open(options: WorkConsumerOptions): ConsumerState {
    const { consumers } = this.#state;
    const found = consumers.get(options.name);
    if (found !== undefined) return found;
    if ([...consumers.values()].some((other) => overlap(other.filter, options.filter))) {
      throw consumerOverlap(this.#name, options.name, options.filter);
    }
    const created = new ConsumerState(this.#client.hub, this.#state, options);
    consumers.set(options.name, created);
    return created;
  }
}

class MemoryWorkConsumer implements WorkConsumer {
  readonly #client: MemoryClient;
  readonly #open: () => ConsumerState;

  /** @param open finds the consumer, or creates one that was deleted */
  constructor(client: MemoryClient, open: () => ConsumerState) {
    this.#client = client;
    this.#open = open;
  }

  async pull(max: number, waitMs: number, signal?: AbortSignal, lingerMs?: number): Promise<WorkItem[]> {
    await this.#client.request("pull work");
    const { closing } = this.#client;
    const signals = signal === undefined ? [closing] : [closing, signal];
    const consumer = this.#open();
    const handed = await consumer.pull(max, waitMs, signals, lingerMs);
    await this.#client.hub.latency();
    if (!signals.some((s) => s.aborted)) return handed.map((one) => workItem(this.#client, consumer, one));
    for (const { message } of handed) consumer.again(message.sequence, 0);
    return [];
  }
}

function workItem(client: MemoryClient, consumer: ConsumerState, { message, delivery }: Handed): WorkItem {
  const { sequence, subject, data } = message;
  const unlessClosed = (act: () => void): void => {
    if (!client.closing.aborted) act();
  };
  return {
    subject,
    data: data.slice(),
    delivery,
    async ack() {
      await client.request(`acknowledge "${subject}"`);
      consumer.settle(sequence);
    },
    nak: (delayMs = 0) => unlessClosed(() => consumer.again(sequence, delayMs)),
    working: () => unlessClosed(() => consumer.working(sequence)),
    term: () => unlessClosed(() => consumer.settle(sequence)),
  };
}
