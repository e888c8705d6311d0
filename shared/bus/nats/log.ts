import { JsHeaders, RetentionPolicy } from "nats";
import type { LogEntry, LogSize, ReadOptions, WriteOnceLog } from "../bus.ts";
import { own } from "../bytes.ts";
import { inBatches } from "../inBatches.ts";
import { follow } from "./follow.ts";
import type { Link } from "./link.ts";
import { persist } from "./retry.ts";
import { requireRoom } from "./room.ts";
import { WriteOnceStream } from "./writeOnceStream.ts";

export class NatsLog implements WriteOnceLog {
  readonly #stream: WriteOnceStream;

  static async open(link: Link, name: string, filter: string): Promise<NatsLog> {
    const stream = new WriteOnceStream(link, name, filter, RetentionPolicy.Limits);
    await stream.ensure();
    return new NatsLog(stream);
  }

  constructor(stream: WriteOnceStream) {
    this.#stream = stream;
  }

  async append(subject: string, data: Uint8Array): Promise<"appended" | "exists"> {
    return (await this.#stream.add(subject, data)) ? "appended" : "exists";
  }

  async get(subject: string): Promise<Uint8Array | undefined> {
    return this.#stream.get(subject);
  }

  async existing(subjects: readonly string[]): Promise<string[]> {
    const there = await inBatches(subjects, (subject) => this.#stream.has(subject));
    return subjects.filter((_, i) => there[i]);
  }

  read(filter: string, signal: AbortSignal, options: ReadOptions = {}): AsyncIterable<LogEntry> {
    this.#stream.check(filter);
    return this.#entries(filter, signal, options, false);
  }

  follow(filter: string, signal: AbortSignal, options: ReadOptions = {}): AsyncIterable<LogEntry> {
    this.#stream.check(filter);
    return this.#entries(filter, signal, options, true);
  }

  async purge(filter: string): Promise<number> {
    return this.#stream.purge(filter);
  }

  async size(): Promise<LogSize> {
    const { link, name } = this.#stream;
    return persist(link, `measure ${name}`, async () => {
      const { state } = await link.jsm.streams.info(name);
      return { messages: state.messages, bytes: state.bytes, lastSequence: state.last_seq };
    });
  }

  async requireRoom(bytes: number): Promise<void> {
    return requireRoom(this.#stream, bytes);
  }

  async *#entries(
    filter: string,
    signal: AbortSignal,
    { until = "for-ever", after = 0 }: ReadOptions,
    headersOnly: boolean,
  ): AsyncGenerator<LogEntry> {
    const { link, name } = this.#stream;
    const messages = follow(link, {
      stream: name,
      filter,
      headersOnly,
      until: until === "now" ? "caught-up" : "for-ever",
      after,
      signal,
      ensure: () => this.#stream.ensure(),
    });
    for await (const { subject, data, headers, sequence, storedAt } of messages) {
      const told = Number(headers?.get(JsHeaders.MessageSizeHdr) || Number.NaN);
      const bytes = headersOnly ? told : data.length;
      yield {
        subject,
        data: own(data),
        sequence,
        storedAtMs: storedAt,
        ...(Number.isNaN(bytes) ? {} : { bytes }),
      };
    }
  }
}
