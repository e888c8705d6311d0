import type { Bus } from "../shared/bus/bus.ts";
import { Wakeup } from "../shared/bus/wakeup.ts";
import { messageOf, StillhouseError } from "../shared/errors.ts";
import { decode } from "../shared/protocol/codec.ts";
import { RunOrder } from "../shared/protocol/orders.ts";
import { buckets, ORDER_TTL_MS, orderKeys } from "../shared/protocol/subjects.ts";

type Order = RunOrder["order"];

/** What ends the work on a run because somebody said so. */
export class Ordered extends StillhouseError {
  readonly order: Order;
  constructor(run: string, order: Order) {
    super(`Run ${run} was told to ${order}`, { fields: { run, order } });
    this.order = order;
  }
}

/**
 * What a person tells a run, as one of its coordinators hears it: the one that holds the lease, or that stands by.
 * Orders from before it listened were for others.
 */
export class RunOrders {
  readonly #run: string;
  readonly #stopped = new AbortController();
  readonly #news = new Wakeup();
  #last: Order | undefined;

  private constructor(run: string) {
    this.#run = run;
  }

  /** Listens until `signal` aborts. @param onBad hears of an order that does not parse */
  static async open(
    bus: Bus,
    run: string,
    onBad: (text: string) => void,
    signal: AbortSignal,
  ): Promise<RunOrders> {
    const kv = await bus.kv(buckets.orders, { ttlMs: ORDER_TTL_MS });
    const key = orderKeys.run(run);
    const before = (await kv.get(key))?.revision ?? 0;
    const orders = new RunOrders(run);
    const listen = async (): Promise<void> => {
      for await (const { value, revision } of kv.watch(key, signal)) {
        if (!value || revision <= before) continue;
        try {
          orders.#take(decode(RunOrder, value, `order ${key}`).order);
        } catch (error) {
          onBad(messageOf(error));
        }
      }
    };
    listen().catch((error: unknown) => onBad(messageOf(error)));
    return orders;
  }

  /** Aborts, with an Ordered, when all coordinators of the run are to end. */
  get stopped(): AbortSignal {
    return this.#stopped.signal;
  }

  /** Resolves with the next of `orders`, those that came before it was asked included; with undefined when `signal` aborts. */
  async next(orders: readonly Order[], signal: AbortSignal): Promise<Order | undefined> {
    while (!signal.aborted) {
      const last = this.#last;
      if (last && orders.includes(last)) {
        this.#last = undefined;
        return last;
      }
      await this.#news.wait(signal);
    }
    return undefined;
  }

  #take(order: Order): void {
    this.#last = order;
    if (order === "stop") this.#stopped.abort(new Ordered(this.#run, order));
    this.#news.wake();
  }
}
