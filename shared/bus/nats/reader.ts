import { AckPolicy, DeliverPolicy, type Msg, type MsgHdrs } from "nats";
import { anySignal } from "../anySignal.ts";
import { Wakeup } from "../wakeup.ts";
import { deliveryOf } from "./delivery.ts";
import { isNotFound } from "./errors.ts";
import type { Link } from "./link.ts";
import { type PullEnd, pull } from "./pull.ts";
import { persistUntil } from "./retry.ts";
import { maxPayloadBytes, ns } from "./stream.ts";

/** A message of a stream, as it was delivered: `data` may be a view into a network buffer. */
export interface StreamMessage {
  subject: string;
  data: Uint8Array;
  headers: MsgHdrs | undefined;
  sequence: number;
  /** Milliseconds, the server's clock when it stored the message. */
  storedAt: number;
}

export interface FollowOptions {
  stream: string;
  filter: string;
  headersOnly: boolean;
  /** `for-ever` goes on with what arrives, `caught-up` ends after what exists. */
  until: "for-ever" | "caught-up";
  /** The sequence to begin behind, as long as the stream has come that far; absent: 0. */
  after?: number;
  signal: AbortSignal;
  /** Creates the stream when the server has lost it. */
  ensure?: () => Promise<void>;
}

const batch = 256;
const batchBytes = 8 * 1024 * 1024;
const pullMs = { "for-ever": 10_000, "caught-up": 1000 } as const;
/**
 * A server is busy for seconds with the start of a consumer on a log of millions. What it hands out then to one who has given
 * up is lost, and costs another start.
 */
const silenceMs = 5000;
const inactiveMs = 60_000;

/** One ephemeral consumer and what it has sent so far. */
export class Reader {
  readonly #link: Link;
  readonly #options: FollowOptions;
  readonly #consumer: string;
  readonly #queue: Msg[] = [];
  readonly #woken = new Wakeup();
  readonly #stop = new AbortController();
  #pulling = false;
  #failed = false;
  #exhausted = false;
  /** Messages that came, and how many of them were handed on. */
  #received = 0;
  #delivered = 0;
  caughtUp: boolean;

  /** @param name of the consumer; the same again finds what an attempt has made whose answer came too late */
  static async open(link: Link, options: FollowOptions, name: string, after: number): Promise<Reader> {
    const info = await link.jsm.consumers.add(options.stream, {
      name,
      filter_subject: options.filter,
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: after + 1,
      inactive_threshold: ns(inactiveMs),
      mem_storage: true,
      num_replicas: 1,
      ...(options.headersOnly ? { headers_only: true } : {}),
    });
    return new Reader(link, options, name, info.num_pending === 0);
  }

  constructor(link: Link, options: FollowOptions, consumer: string, caughtUp: boolean) {
    this.#link = link;
    this.#options = options;
    this.#consumer = consumer;
    this.caughtUp = caughtUp;
  }

  /** The next message, or undefined when this consumer is of no more use or all was read that was asked for. */
  async next(): Promise<StreamMessage | undefined> {
    const { signal, until } = this.#options;
    for (;;) {
      if (signal.aborted || this.#link.closing.aborted) return undefined;
      if (until === "caught-up" && this.caughtUp) return undefined;
      if (!this.#pulling && !this.#failed && this.#queue.length <= batch / 2) void this.#pull();
      const message = this.#queue.shift();
      if (message !== undefined) return this.#accept(message);
      if (this.#failed) return undefined;
      if (this.#exhausted && until === "caught-up") {
        this.caughtUp = true;
        return undefined;
      }
      await this.#woken.wait(signal, this.#link.closing);
    }
  }

  close(): void {
    this.#stop.abort();
    if (this.#link.up && !this.#link.nc.isClosed()) {
      this.#link.chore(this.#link.jsm.consumers.delete(this.#options.stream, this.#consumer));
    }
  }

  async #pull(): Promise<void> {
    this.#pulling = true;
    const end: PullEnd = await pull(this.#link, {
      stream: this.#options.stream,
      consumer: this.#consumer,
      max: batch,
      maxBytes: Math.max(batchBytes, 2 * maxPayloadBytes(this.#link)),
      waitMs: pullMs[this.#options.until],
      silenceMs,
      signals: [this.#stop.signal],
      onMessage: (message) => {
        this.#received++;
        this.#queue.push(message);
        this.#woken.wake();
      },
    });
    if (end === "gone" || end === "lost") this.#failed = true;
    if (end === "silent" || (end === "expired" && this.#options.until === "caught-up")) await this.#look();
    this.#pulling = false;
    this.#woken.wake();
  }

  /**
   * Nothing came. The consumer may be gone, or its messages were lost on the way; what was counted as pending may have been
   * deleted; or the server is busy, and this consumer goes on.
   */
  async #look(): Promise<void> {
    const { stream, signal } = this.#options;
    const until = anySignal(signal, this.#stop.signal);
    const consumers = this.#link.jsm.consumers;
    try {
      const info = await persistUntil(this.#link, `look at a consumer of ${stream}`, until, () =>
        consumers.info(stream, this.#consumer).catch((error) => {
          if (isNotFound(error)) return undefined;
          throw error;
        }),
      );
      if (info === undefined || info.delivered.consumer_seq !== this.#received) this.#failed = true;
      else this.#exhausted = info.num_pending === 0;
    } catch (error) {
      // The next consumer meets the same, or it has passed.
      this.#link.report(error);
      this.#failed = true;
    }
  }

  #accept(message: Msg): StreamMessage | undefined {
    const info = deliveryOf(message);
    if (info.delivery !== this.#delivered + 1) {
      this.#failed = true;
      this.#queue.length = 0;
      this.caughtUp = false;
      return undefined;
    }
    this.#delivered = info.delivery;
    this.caughtUp = info.pending === 0;
    return {
      subject: message.subject,
      data: message.data,
      headers: message.headers,
      sequence: info.sequence,
      storedAt: info.storedAt,
    };
  }
}
