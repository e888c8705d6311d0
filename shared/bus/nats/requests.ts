import { createInbox, ErrorCode, type Msg, type NatsConnection, NatsError } from "nats";

interface Waiting {
  readonly until: number;
  resolve(answer: Msg): void;
  reject(error: unknown): void;
}

/**
 * Requests of which many are under way. The library's own request makes a timer, a random name of 22 characters and six
 * promises for each; here all share one subscription and one timer, which is all that a label's way through the log needs.
 */
export class Requests {
  readonly #nc: NatsConnection;
  readonly #timeoutMs: number;
  readonly #base = `${createInbox()}.`;
  /** By the last token of the subject that is answered to; all wait equally long, so the first is the first to time out. */
  readonly #waiting = new Map<string, Waiting>();
  #timer: NodeJS.Timeout | undefined;
  #asked = 0;

  constructor(nc: NatsConnection, timeoutMs: number) {
    this.#nc = nc;
    this.#timeoutMs = timeoutMs;
    nc.subscribe(`${this.#base}*`, { callback: (error, answer) => this.#answered(error, answer) });
    void nc.closed().then(() => clearTimeout(this.#timer));
  }

  /** @throws NatsError TIMEOUT, or 503 where nobody answers to the subject */
  request(subject: string, data: Uint8Array | string): Promise<Msg> {
    const token = String(++this.#asked);
    return new Promise((resolve, reject) => {
      this.#nc.publish(subject, data, { reply: this.#base + token });
      this.#waiting.set(token, { until: performance.now() + this.#timeoutMs, resolve, reject });
      this.#timer ??= setTimeout(() => this.#expire(), this.#timeoutMs);
    });
  }

  #answered(error: unknown, answer: Msg): void {
    if (error !== null) {
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
      return;
    }
    const token = answer.subject.slice(this.#base.length);
    const waiting = this.#waiting.get(token);
    if (!waiting) return;
    this.#waiting.delete(token);
    const nobody = answer.data.length === 0 && answer.headers?.code === 503;
    if (nobody) waiting.reject(NatsError.errorForCode(ErrorCode.NoResponders));
    else waiting.resolve(answer);
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [token, { until, reject }] of this.#waiting) {
      if (until > now) {
        this.#timer = setTimeout(() => this.#expire(), until - now);
        return;
      }
      this.#waiting.delete(token);
      reject(NatsError.errorForCode(ErrorCode.Timeout));
    }
  }
}
