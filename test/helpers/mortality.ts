import type { Bus } from "../../shared/bus/bus.ts";
import type { Clock } from "../../shared/bus/clock.ts";

/**
 * The life of a node inside the test's own process. After `end` the node is as a killed process is to all others:
 * it sends nothing, hears nothing, acknowledges nothing, and no timer of it fires.
 */
export class Life {
  #dead = false;
  readonly #onEnd: (() => void)[] = [];

  get dead(): boolean {
    return this.#dead;
  }

  onEnd(callback: () => void): void {
    this.#onEnd.push(callback);
  }

  end(): void {
    this.#dead = true;
    for (const callback of this.#onEnd.splice(0)) callback();
  }

  /** What the promise gives, as long as the node lives; nothing at all afterwards. */
  heard<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => void (this.#dead || resolve(value)),
        (error) => void (this.#dead || reject(error)),
      );
    });
  }
}

const silence = new Promise<never>(() => undefined);
/** What a bus hands out that can act on it later. */
const opens = new Set(["log", "workQueue", "kv", "objects", "consumer", "pull"]);
const streams = new Set(["read", "follow", "watch"]);

/** The bus as a node sees it that may be killed: the hub then drops the client, as a server drops a lost connection. */
export function mortalBus(bus: Bus, life: Life): Bus {
  life.onEnd(() => void bus.close());
  return mortal(bus, life);
}

function mortal<T extends object>(target: T, life: Life): T {
  return new Proxy(target, {
    get(of, name) {
      const found: unknown = Reflect.get(of, name);
      if (typeof found !== "function") return found;
      return (...args: unknown[]): unknown => {
        if (life.dead) return silence;
        const result: unknown = found.apply(of, args);
        if (streams.has(String(name))) return mortalStream(result as AsyncIterable<unknown>, life);
        if (!(result instanceof Promise)) return result;
        const heard = life.heard(result);
        return opens.has(String(name)) ? heard.then((opened) => mortalAll(opened, life)) : heard;
      };
    },
  });
}

function mortalAll(opened: object, life: Life): object {
  return Array.isArray(opened) ? opened.map((one: object) => mortal(one, life)) : mortal(opened, life);
}

async function* mortalStream<T>(stream: AsyncIterable<T>, life: Life): AsyncGenerator<T> {
  for await (const value of stream) {
    if (life.dead) await silence;
    yield value;
  }
  // A stream that ends because its client is gone is no news for the dead.
  if (life.dead) await silence;
}

/** The clock as that node sees it. */
export function mortalClock(clock: Clock, life: Life): Clock {
  const cancels = new Set<() => void>();
  life.onEnd(() => {
    for (const cancel of cancels) cancel();
  });
  return {
    now: () => clock.now(),
    after(delayMs, callback) {
      if (life.dead) return () => undefined;
      const cancelTimer = clock.after(delayMs, () => {
        cancels.delete(cancel);
        callback();
      });
      const cancel = (): void => {
        cancels.delete(cancel);
        cancelTimer();
      };
      cancels.add(cancel);
      return cancel;
    },
  };
}
