import { setMaxListeners } from "node:events";
import type { Subscription } from "../bus.ts";
import { BusUnreachable } from "../errors.ts";
import type { MemoryHub } from "./hub.ts";

/** What the parts of one client share: the hub, and whether the client is closed. */
export class MemoryClient {
  readonly hub: MemoryHub;
  readonly name: string;
  /** Aborts when the client closes; every wait listens to it. */
  readonly closing: AbortSignal;
  readonly subscriptions = new Set<Subscription>();
  readonly #closer = new AbortController();

  constructor(hub: MemoryHub, name: string) {
    this.hub = hub;
    this.name = name;
    this.closing = this.#closer.signal;
    setMaxListeners(0, this.closing); // one for each wait under way, which is no leak
  }

  /** One round trip. @throws BusUnreachable after `close` */
  async request(action: string): Promise<void> {
    this.refuseClosed(action);
    await this.hub.latency();
    this.refuseClosed(action);
  }

  refuseClosed(action: string): void {
    if (!this.closing.aborted) return;
    throw new BusUnreachable(`Cannot ${action} as this connection to memory was closed`, {
      fields: { action, client: this.name },
    });
  }

  /** Keeps a subscription until it is ended or the client closes. */
  track(subscription: Subscription): Subscription {
    const tracked = {
      unsubscribe: () => {
        this.subscriptions.delete(tracked);
        subscription.unsubscribe();
      },
    };
    this.subscriptions.add(tracked);
    return tracked;
  }

  close(): boolean {
    if (this.closing.aborted) return false;
    this.#closer.abort();
    for (const subscription of [...this.subscriptions]) subscription.unsubscribe();
    return true;
  }
}
