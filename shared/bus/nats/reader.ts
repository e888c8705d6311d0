import { AckPolicy, DeliverPolicy, type Msg, type MsgHdrs, nuid } from "nats";
import { Wakeup } from "../wakeup.ts";
import { deliveryOf } from "./delivery.ts";
import type { Link } from "./link.ts";
import { type PullEnd, pull } from "./pull.ts";
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
  signal: AbortSignal;
  /** Creates the stream when the server has lost it. */
  ensure?: () => Promise<void>;
}

const batch = 256;
const batchBytes = 8 * 1024 * 1024;
const pullMs = { "for-ever": 10_000, "caught-up": 1000 } as const;
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
  #delivered = 0;
  caughtUp: boolean;

  static async open(link: Link, options: FollowOptions, after: number): Promise<Reader> {
    const name = `follow_${nuid.next()}`;
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
      signals: [this.#stop.signal],
      onMessage: (message) => {
        this.#queue.push(message);
        this.#woken.wake();
      },
    });
    this.#pulling = false;
    if (end === "gone" || end === "silent" || end === "lost") this.#failed = true;
    // What was counted as pending may have been deleted meanwhile.
    if (end === "expired") this.#exhausted = true;
    this.#woken.wake();
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
