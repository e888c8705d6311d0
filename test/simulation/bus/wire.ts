import type { Faults } from "../faults.ts";
import type { SimulatedProcess } from "../process.ts";
import type { Trace } from "../trace.ts";

/** As in the bus over NATS: a request without an answer is sent again after this. */
const REQUEST_MS = 5_000;

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/**
 * The way of one process to the server, as the client library and `shared/bus/nats/retry.ts` make it look: a request
 * waits while there is no connection, and goes out again where its answer did not come, because the connection broke,
 * because it was lost, or because the process was stopped for longer than it waits. So what a caller sees is late, or
 * done twice, and never an error of the connection.
 */
export class Wire {
  readonly process: SimulatedProcess;
  readonly faults: Faults;
  readonly trace: Trace;

  constructor(process: SimulatedProcess, faults: Faults, trace: Trace) {
    this.process = process;
    this.faults = faults;
    this.trace = trace;
  }

  /**
   * @param request its kind: "append labels"
   * @param about of the trace alone: a subject or a key
   * @param attempt what it does at the server; told whether it was sent before
   */
  async request<T>(
    request: string,
    about: string,
    attempt: (again: boolean) => Promise<T>,
    show: (value: T) => string = () => "",
  ): Promise<T> {
    const { process, faults, trace } = this;
    const { world, name } = process;
    for (let again = false; ; again = true) {
      await process.reachable();
      const { requestMs, responseMs, lost } = faults.before(process, request);
      // A fault at this very request kept it from being sent.
      await process.reachable();
      const sentAt = world.now();
      const { cuts } = process;
      await world.pause(requestMs);
      const outcome = await outcomeOf(attempt(again));
      const said = "error" in outcome ? `refused: ${(outcome.error as Error).name}` : show(outcome.value);
      trace.add(name, `${request} ${about} ${again ? "again " : ""}-> ${said}`);
      trace.count(request);
      trace.count(`by ${process.role}`);
      faults.after(process, request);
      if (!lost) await world.pause(responseMs, name);
      const unheard = process.cuts > cuts;
      if (lost && !unheard) await this.#silence(REQUEST_MS - (world.now() - sentAt), cuts);
      if (lost || unheard) {
        trace.count("acknowledgement lost");
        continue;
      }
      if (process.frozen || process.dead) {
        await process.awake();
        // Its timer was overdue before it could look at what had come.
        if (world.now() - sentAt > REQUEST_MS) continue;
      }
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    }
  }

  /** Waits for an answer that does not come, until the connection breaks. */
  async #silence(ms: number, cuts: number): Promise<void> {
    if (this.process.cuts > cuts) return;
    await new Promise<void>((resolve) => {
      const forget = this.process.onCut(resolve);
      this.process.world.after(
        ms,
        () => {
          forget();
          resolve();
        },
        this.process.name,
      );
    });
  }

  /**
   * What comes by itself, in its order: later, or after a while in which it could not be heard. Nothing more once
   * `signal` has aborted.
   * @param sentAtMs of a value; absent: it is sent when the one before it was heard
   */
  async *hear<T>(
    stream: AsyncIterable<T>,
    signal: AbortSignal,
    show: (value: T) => string,
    sentAtMs: (value: T) => number = () => this.process.world.now(),
  ): AsyncGenerator<T> {
    const { process, faults, trace } = this;
    const { world, name } = process;
    for await (const value of stream) {
      await world.pause(sentAtMs(value) + faults.delayMs() - world.now(), name);
      await process.reachable();
      if (signal.aborted) return;
      trace.add(name, `hears ${show(value)}`);
      yield value;
    }
    await process.awake();
  }

  /** A callback of the bus, which a process that is cut off misses. */
  tell(callback: () => void): void {
    const { process } = this;
    if (process.dead || process.isCut) return;
    if (process.frozen) process.awake().then(callback, () => undefined);
    else callback();
  }

  /** Of what is sent without waiting for an answer: whether it gets through. */
  get sends(): boolean {
    const { dead, frozen, isCut } = this.process;
    return !dead && !frozen && !isCut;
  }
}

async function outcomeOf<T>(promise: Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await promise };
  } catch (error) {
    return { error };
  }
}
