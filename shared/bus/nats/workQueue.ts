import { type Msg, RetentionPolicy } from "nats";
import type { Subscription, WorkConsumer, WorkConsumerOptions, WorkQueue } from "../bus.ts";
import { checkFilter, checkInside, checkName } from "../names.ts";
import { getDirect } from "./direct.ts";
import { closedError, isNotFound } from "./errors.ts";
import type { Link } from "./link.ts";
import { persist } from "./retry.ts";
import { listSubjects } from "./stream.ts";
import { NatsWorkConsumer } from "./workConsumer.ts";
import { WriteOnceStream } from "./writeOnceStream.ts";

export class NatsWorkQueue implements WorkQueue {
  readonly #stream: WriteOnceStream;

  static async open(link: Link, name: string, filter: string): Promise<NatsWorkQueue> {
    const stream = new WriteOnceStream(link, name, filter, RetentionPolicy.Workqueue);
    await stream.ensure();
    return new NatsWorkQueue(stream);
  }

  constructor(stream: WriteOnceStream) {
    this.#stream = stream;
  }

  async publish(subject: string, data: Uint8Array): Promise<"queued" | "exists"> {
    return (await this.#stream.add(subject, data)) ? "queued" : "exists";
  }

  async pending(filter: string): Promise<string[]> {
    checkFilter(filter);
    return listSubjects(this.#stream.link, this.#stream.name, filter);
  }

  async purge(filter: string): Promise<number> {
    return this.#stream.purge(filter);
  }

  async consumer(options: WorkConsumerOptions): Promise<WorkConsumer> {
    checkName("consumer", options.name);
    checkFilter(options.filter);
    checkInside(this.#stream.name, this.#stream.filter, options.filter);
    return NatsWorkConsumer.open(this.#stream, options);
  }

  async deleteConsumer(name: string): Promise<void> {
    checkName("consumer", name);
    const { link, name: stream } = this.#stream;
    await persist(link, `delete the consumer ${name} of ${stream}`, async () => {
      try {
        await link.jsm.consumers.delete(stream, name);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    });
  }

  onExhausted(listener: (subject: string) => void): Subscription {
    const { link, name } = this.#stream;
    if (link.closing.aborted) throw closedError("listen for exhausted work", link.options.address);
    return link.nc.subscribe(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${name}.*`, {
      callback: (error, message) => {
        if (error !== null) link.report(error);
        else this.#tellExhausted(message, listener).catch((failure) => link.report(failure));
      },
    });
  }

  /** The advisory names the message by its number only. */
  async #tellExhausted(advisory: Msg, listener: (subject: string) => void): Promise<void> {
    const { link, name } = this.#stream;
    const { stream_seq: seq } = advisory.json<{ stream_seq: number }>();
    const found = await persist(link, `look up message ${seq} of ${name}`, () =>
      getDirect(link, name, { sequence: seq }),
    );
    // Without one it was purged or done meanwhile.
    if (found !== undefined) listener(found.subject);
  }
}
