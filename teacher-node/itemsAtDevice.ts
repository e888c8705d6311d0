import { Wakeup } from "../shared/bus/wakeup.ts";

/** Items that a device has at once: enough that it has its next, few enough that a fast node takes more. */
export const AT_ONCE = 2;

/** The work items that a node's device is at now, of all its teachers. */
export class ItemsAtDevice {
  readonly #changed = new Wakeup();
  #now = 0;

  get now(): number {
    return this.#now;
  }

  began(): void {
    this.#now++;
  }

  ended(): void {
    this.#now--;
    this.#changed.wake();
  }

  /** Resolves when one has ended, or when `signal` aborts. */
  change(signal: AbortSignal): Promise<void> {
    return this.#changed.wait(signal);
  }
}
