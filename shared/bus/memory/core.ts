import type { CoreMessage, Subscription } from "../bus.ts";
import { matches } from "../subjects.ts";
import type { MemoryHub } from "./hub.ts";

interface Listener {
  filter: string;
  onMessage: (message: CoreMessage) => void;
  active: boolean;
  /** What each publisher has on its way to this listener, oldest first. */
  onTheWay: Map<object, CoreMessage[]>;
}

/** Core publish and subscribe: to whoever listens at the moment of sending, in order for each pair of clients. */
export class CoreHub {
  readonly #hub: MemoryHub;
  readonly #listeners = new Set<Listener>();

  constructor(hub: MemoryHub) {
    this.#hub = hub;
  }

  subscribe(filter: string, onMessage: (message: CoreMessage) => void): Subscription {
    const listener: Listener = { filter, onMessage, active: true, onTheWay: new Map() };
    this.#listeners.add(listener);
    return {
      unsubscribe: () => {
        listener.active = false;
        this.#listeners.delete(listener);
      },
    };
  }

  publish(publisher: object, subject: string, data: Uint8Array): void {
    for (const listener of this.#listeners) {
      if (matches(listener.filter, subject)) this.#send(publisher, listener, { subject, data: data.slice() });
    }
  }

  /**
   * Each message brings one later moment of delivery, at which the oldest one of its publisher arrives: so messages
   * whose delays cross keep their order.
   */
  #send(publisher: object, listener: Listener, message: CoreMessage): void {
    const queue = listener.onTheWay.get(publisher) ?? [];
    listener.onTheWay.set(publisher, queue);
    queue.push(message);
    const arrive = (): void => {
      const next = queue.shift();
      if (next === undefined || !listener.active) return;
      try {
        listener.onMessage(next);
      } catch (error) {
        this.#hub.report(error);
      }
    };
    const delay = this.#hub.delayMs();
    if (delay === 0) queueMicrotask(arrive);
    else this.#hub.clock.after(delay, arrive);
  }
}
