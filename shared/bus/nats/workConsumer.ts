import { AckPolicy, type ConsumerConfig, DeliverPolicy, type Msg } from "nats";
import type { WorkConsumer, WorkConsumerOptions, WorkItem } from "../bus.ts";
import { own } from "../bytes.ts";
import { sleep, systemClock } from "../clock.ts";
import { consumerOverlap } from "../refusals.ts";
import { deliveryOf } from "./delivery.ts";
import { closedError, isTransient, serverCode, serverCodeOf } from "./errors.ts";
import type { Link } from "./link.ts";
import { pull } from "./pull.ts";
import { pauseMs, persist } from "./retry.ts";
import { ns } from "./stream.ts";
import type { WriteOnceStream } from "./writeOnceStream.ts";

export class NatsWorkConsumer implements WorkConsumer {
  readonly #stream: WriteOnceStream;
  readonly #options: WorkConsumerOptions;

  /** @throws ConsumerOverlap */
  static async open(stream: WriteOnceStream, options: WorkConsumerOptions): Promise<NatsWorkConsumer> {
    const consumer = new NatsWorkConsumer(stream, options);
    await persist(stream.link, `open the consumer ${options.name} of ${stream.name}`, () =>
      consumer.#ensure(),
    );
    return consumer;
  }

  constructor(stream: WriteOnceStream, options: WorkConsumerOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  async pull(max: number, waitMs: number, signal?: AbortSignal, lingerMs?: number): Promise<WorkItem[]> {
    const { link } = this.#stream;
    const deadline = performance.now() + waitMs;
    const signals = signal === undefined ? [link.closing] : [link.closing, signal];
    const stopped = (): boolean => signals.some((s) => s.aborted);
    const left = (): number => Math.ceil(deadline - performance.now());
    if (link.closing.aborted) throw closedError("pull work", link.options.address);
    const items: NatsWorkItem[] = [];
    await link.connected(left(), signal);
    for (let failures = 0; link.up && !stopped() && left() > 0; ) {
      const end = await pull(link, {
        stream: this.#stream.name,
        consumer: this.#options.name,
        max: max - items.length,
        waitMs: left(),
        atHand: lingerMs !== undefined,
        signals,
        onMessage: (message) => items.push(new NatsWorkItem(link, message)),
      });
      if (items.length > 0 || (end !== "gone" && end !== "silent")) break;
      await this.#restore();
      await sleep(systemClock, Math.min(left(), pauseMs(failures++)), signal);
    }
    if (!stopped()) return items;
    for (const item of items) item.nak();
    return [];
  }

  /** Creates the consumer, or updates one that works otherwise. The server compares. */
  async #ensure(): Promise<void> {
    const { link, name } = this.#stream;
    const { filter, ackWaitMs, maxDeliver } = this.#options;
    const wanted: Partial<ConsumerConfig> = {
      durable_name: this.#options.name,
      filter_subject: filter,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ns(ackWaitMs),
      max_deliver: maxDeliver,
      max_ack_pending: -1,
    };
    try {
      await link.jsm.consumers.add(name, wanted);
    } catch (error) {
      const code = serverCodeOf(error);
      if (code !== serverCode.filterNotUnique && code !== serverCode.multipleUnfiltered) throw error;
      throw consumerOverlap(name, this.#options.name, filter, error);
    }
  }

  /** Creates what the server has lost; when that fails too, the next pull tries again. */
  async #restore(): Promise<void> {
    const { link } = this.#stream;
    try {
      await link.unlessLost(
        link.jsm.streams.info(this.#stream.name).catch(() => link.jsm.streams.add(this.#stream.config)),
      );
      await link.unlessLost(this.#ensure());
    } catch (error) {
      if (!isTransient(error) && !link.closing.aborted) link.report(error);
    }
  }
}

const encoder = new TextEncoder();

class NatsWorkItem implements WorkItem {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly delivery: number;
  readonly #link: Link;
  readonly #reply: string;

  constructor(link: Link, message: Msg) {
    this.#link = link;
    this.#reply = message.reply ?? "";
    this.subject = message.subject;
    this.data = own(message.data);
    this.delivery = deliveryOf(message).times;
  }

  async ack(): Promise<void> {
    let answered = 0;
    await persist(this.#link, `acknowledge "${this.subject}"`, async () => {
      try {
        await this.#link.requests.request(this.#reply, "+ACK");
      } catch (error) {
        // A server that is up but has no answer has deleted the consumer: whoever does this work again finds it done.
        if (this.#link.up && isTransient(error) && ++answered >= 4) return;
        throw error;
      }
    });
  }

  nak(delayMs = 0): void {
    this.#send(delayMs > 0 ? `-NAK ${JSON.stringify({ delay: ns(delayMs) })}` : "-NAK");
  }

  working(): void {
    this.#send("+WPI");
  }

  term(): void {
    this.#send("+TERM");
  }

  /** These may be lost with the connection: then `ackWaitMs` has the same effect, only later. */
  #send(word: string): void {
    if (!this.#link.nc.isClosed() && !this.#link.nc.isDraining())
      this.#link.nc.publish(this.#reply, encoder.encode(word));
  }
}
