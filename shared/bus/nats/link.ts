import { setMaxListeners } from "node:events";
import { Events, type JetStreamClient, type JetStreamManager, type NatsConnection } from "nats";
import type { BusStatus } from "../bus.ts";
import { sleep, systemClock } from "../clock.ts";
import { Wakeup } from "../wakeup.ts";
import { ConnectionLost } from "./errors.ts";
import { Requests } from "./requests.ts";

/** One request waits this long for its answer before it is sent again. */
export const requestMs = 5000;

export interface LinkOptions {
  address: string;
  patienceMs: number;
  onError: (error: unknown) => void;
}

/**
 * One connection with what all parts of the bus need of it: whether it is up now, a way to wait until it is, and a
 * way to end whatever waits when it goes down or is closed.
 */
export class Link {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly requests: Requests;
  readonly options: LinkOptions;
  /** Aborts when the bus closes; every wait listens to it. */
  readonly closing: AbortSignal;
  readonly #closer = new AbortController();
  readonly #listeners: ((status: BusStatus) => void)[] = [];
  readonly #changed = new Wakeup();
  readonly #lost = new Set<() => void>();
  readonly #chores = new Set<Promise<void>>();
  #up = true;

  constructor(nc: NatsConnection, jsm: JetStreamManager, options: LinkOptions) {
    this.nc = nc;
    this.jsm = jsm;
    this.js = nc.jetstream({ timeout: requestMs });
    this.requests = new Requests(nc, requestMs);
    this.options = options;
    this.closing = this.#closer.signal;
    setMaxListeners(0, this.closing); // one for each wait under way, which is no leak
    void this.#follow();
  }

  get up(): boolean {
    return this.#up;
  }

  onStatus(listener: (status: BusStatus) => void): void {
    this.#listeners.push(listener);
  }

  /** Waits until the connection is up, `waitMs` or a minute have passed, or the bus closes; says whether it is up. */
  async connected(waitMs: number, signal?: AbortSignal): Promise<boolean> {
    if (this.#up || waitMs <= 0) return this.#up;
    const enough = new AbortController();
    const signals = [enough.signal, this.closing, ...(signal === undefined ? [] : [signal])];
    const timer = setTimeout(() => enough.abort(), Math.min(waitMs, 60_000));
    while (!this.#up && !signals.some((s) => s.aborted)) await this.#changed.wait(...signals);
    clearTimeout(timer);
    return this.#up;
  }

  /** Calls back once, when the connection goes down or is closed. */
  onLost(callback: () => void): () => void {
    this.#lost.add(callback);
    return () => this.#lost.delete(callback);
  }

  /** The promise's outcome, or ConnectionLost as soon as the connection is gone, since no answer can come then. */
  async unlessLost<T>(promise: Promise<T>): Promise<T> {
    let forget = (): void => {};
    const lost = new Promise<never>((_, reject) => {
      forget = this.onLost(() => reject(new ConnectionLost("the connection was lost")));
    });
    try {
      return await Promise.race([promise, lost]);
    } finally {
      forget();
    }
  }

  /** Runs clean-up that nobody waits for, but that `close` gives a moment to finish. Failures do not matter. */
  chore(work: Promise<unknown>): void {
    const settled: Promise<void> = work
      .then(
        () => {},
        () => {},
      )
      .finally(() => this.#chores.delete(settled));
    this.#chores.add(settled);
  }

  report(error: unknown): void {
    this.options.onError(error);
  }

  async close(): Promise<void> {
    if (this.closing.aborted) return this.#closed();
    this.#closer.abort();
    // Iterations and pulls end now and hand in their clean-up as chores, which must still be able to speak.
    await new Promise((resolve) => setImmediate(resolve));
    const grace = new AbortController();
    const drained = Promise.all(this.#chores).then(() => (this.#up ? this.nc.drain() : undefined));
    // A drain without a connection, or one that loses it midway, may never end.
    await Promise.race([drained.catch(() => {}), sleep(systemClock, 2000, grace.signal)]);
    grace.abort();
    await this.#closed();
  }

  async #closed(): Promise<void> {
    if (!this.nc.isClosed()) await this.nc.close();
    await this.nc.closed();
  }

  async #follow(): Promise<void> {
    const where = this.options.address;
    const statuses = this.nc.status();
    void this.nc.closed().then(() => {
      this.#closer.abort();
      this.#set(false);
      this.#tell({ kind: "closed", text: `closed the connection to ${where}` });
    });
    for await (const status of statuses) {
      if (status.type === Events.Disconnect) {
        this.#set(false);
        const text = `lost the connection to ${where}, trying again until it is back`;
        if (!this.closing.aborted) this.#tell({ kind: "disconnected", text });
      } else if (status.type === Events.Reconnect) {
        this.#set(true);
        this.#tell({ kind: "connected", text: `connected to ${where} again` });
      } else if (status.type === Events.Error && !this.closing.aborted) {
        this.report(new Error(`the server at ${where} said: ${String(status.data)}`));
      }
    }
  }

  #set(up: boolean): void {
    this.#up = up;
    this.#changed.wake();
    if (up) return;
    for (const callback of [...this.#lost]) callback();
    this.#lost.clear();
  }

  #tell(status: BusStatus): void {
    for (const listener of this.#listeners) {
      try {
        listener(status);
      } catch (error) {
        this.report(error);
      }
    }
  }
}
