import type {
  Subscription,
  WorkConsumer,
  WorkConsumerOptions,
  WorkItem,
  WorkQueue,
} from "../../../shared/bus/bus.ts";
import type { Queued } from "../trace.ts";
import { countOf, full } from "./log.ts";
import type { Wire } from "./wire.ts";

export class SimulatedQueue implements WorkQueue {
  readonly #inner: WorkQueue;
  readonly #wire: Wire;

  constructor(inner: WorkQueue, wire: Wire) {
    this.#inner = inner;
    this.#wire = wire;
  }

  publish(subject: string, data: Uint8Array): Promise<"queued" | "exists"> {
    const attempt = async (again: boolean): Promise<"queued" | "exists"> => {
      if (!this.#wire.faults.full.has("work")) {
        const result = await this.#inner.publish(subject, data);
        if (result === "queued") this.#wire.trace.queued.set(subject, this.#how(again));
        return result;
      }
      if ((await this.#inner.pending(subject)).length > 0) return "exists";
      throw full("work", subject);
    };
    return this.#wire.request("queue work", subject, attempt, String);
  }

  #how(again: boolean): Queued {
    if (this.#wire.process.role === "teacher") return "handed on";
    return again ? "again" : "once";
  }

  pending(filter: string): Promise<string[]> {
    return this.#wire.request("list work", filter, () => this.#inner.pending(filter), countOf);
  }

  purge(filter: string): Promise<number> {
    return this.#wire.request("purge work", filter, () => this.#inner.purge(filter), String);
  }

  async consumer(options: WorkConsumerOptions): Promise<WorkConsumer> {
    const open = () => this.#inner.consumer(options);
    const inner = await this.#wire.request("open consumer", options.name, open);
    return new SimulatedConsumer(inner, options.name, this.#wire);
  }

  deleteConsumer(name: string): Promise<void> {
    return this.#wire.request("delete consumer", name, () => this.#inner.deleteConsumer(name));
  }

  onExhausted(listener: (subject: string) => void): Subscription {
    return this.#inner.onExhausted((subject) => this.#wire.tell(() => listener(subject)));
  }
}

class SimulatedConsumer implements WorkConsumer {
  readonly #inner: WorkConsumer;
  readonly #name: string;
  readonly #wire: Wire;

  constructor(inner: WorkConsumer, name: string, wire: Wire) {
    this.#inner = inner;
    this.#name = name;
    this.#wire = wire;
  }

  /**
   * A pull ends with the connection; what the server hands to it afterwards is lost on the way, and comes again when
   * `ackWaitMs` is over.
   */
  async pull(max: number, waitMs: number, signal?: AbortSignal): Promise<WorkItem[]> {
    const { process, faults, trace } = this.#wire;
    const { world, name } = process;
    const deadline = world.now() + waitMs;
    if (process.isCut) await this.#connected(waitMs, signal);
    await process.awake();
    if (process.isCut || signal?.aborted || deadline <= world.now()) return [];
    const { requestMs, responseMs } = faults.before(process, "pull work");
    await process.awake();
    const { cuts } = process;
    let forget = (): void => undefined;
    const lost = new Promise<undefined>((resolve) => {
      forget = process.onCut(() => resolve(undefined));
    });
    await world.pause(requestMs);
    if (process.dead) return process.grave;
    const items = await Promise.race([this.#inner.pull(max, deadline - world.now(), signal), lost]);
    forget();
    if (items) await world.pause(responseMs, name);
    await process.awake();
    if (!items || process.cuts > cuts) return [];
    if (signal?.aborted) {
      for (const item of items) item.nak();
      return [];
    }
    for (const item of items) {
      trace.add(name, `pull ${this.#name} -> ${item.subject} delivery ${item.delivery}`);
      if (item.delivery > 1) trace.count("redelivered");
      if (item.delivery > 1 || !faults.duplicates()) continue;
      trace.count("handed out twice");
      trace.add(name, `handed out twice: ${item.subject}`);
      item.nak();
    }
    return items.map((item) => this.#wired(item));
  }

  /** Waits for the connection, for `waitMs` at most. */
  async #connected(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { process } = this.#wire;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancel();
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const cancel = process.world.after(waitMs, done, process.name);
      process.reachable().then(done, done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }

  #wired(item: WorkItem): WorkItem {
    const wire = this.#wire;
    const say = (word: "nak" | "working" | "term", send: () => void): void => {
      if (!wire.sends) return;
      wire.trace.add(wire.process.name, `${word} ${item.subject}`);
      send();
    };
    return {
      subject: item.subject,
      data: item.data,
      delivery: item.delivery,
      ack: () => wire.request("ack work", item.subject, () => item.ack()),
      nak: (delayMs) => say("nak", () => item.nak(delayMs)),
      working: () => say("working", () => item.working()),
      term: () => say("term", () => item.term()),
    };
  }
}
