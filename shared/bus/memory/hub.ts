import type { Rng } from "../../determinism/rng.ts";
import { messageOf, StillhouseError } from "../../errors.ts";
import type { Bus } from "../bus.ts";
import { type Clock, sleep, systemClock } from "../clock.ts";
import { BusUnsuitable } from "../errors.ts";
import { MemoryBus } from "./bus.ts";
import { CoreHub } from "./core.ts";
import type { Blob } from "./objects.ts";
import type { MemoryStream } from "./stream.ts";
import type { ConsumerState } from "./workConsumer.ts";

export interface MemoryBusOptions {
  /** All waiting goes by it; the system's without it. */
  clock?: Clock;
  /** Delays every operation and every delivery by 0 to 4 ms of the clock, drawn from it; without it there are none. */
  random?: Rng;
  /** Hears what callbacks throw; without it that becomes a process warning. */
  onError?: (error: unknown) => void;
  /** 1 MiB less 512 bytes without it, what a NATS server with its defaults leaves. */
  maxPayloadBytes?: number;
}

export interface LogState {
  filter: string;
  stream: MemoryStream;
}

export interface QueueState extends LogState {
  consumers: Map<string, ConsumerState>;
  exhausted: Set<(subject: string) => void>;
}

export interface BucketState {
  stream: MemoryStream;
  ttlMs: number | undefined;
}

const longestDelayMs = 4;

/** What a server is in reality: the state that all clients share, in one process. */
export class MemoryHub {
  readonly clock: Clock;
  readonly maxPayloadBytes: number;
  readonly core: CoreHub;
  readonly logs = new Map<string, LogState>();
  readonly queues = new Map<string, QueueState>();
  readonly buckets = new Map<string, BucketState>();
  readonly objectBuckets = new Map<string, Map<string, Blob>>();
  readonly #random: Rng | undefined;
  readonly #onError: (error: unknown) => void;

  constructor(options: MemoryBusOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.maxPayloadBytes = options.maxPayloadBytes ?? 1024 * 1024 - 512;
    this.#random = options.random;
    this.#onError =
      options.onError ??
      ((error) => process.emitWarning(error instanceof Error ? error : new Error(messageOf(error))));
    this.core = new CoreHub(this);
  }

  /** Another client. Closing it ends what it has open; the hub and its data stay. */
  connect(name = "client"): Bus {
    return new MemoryBus(this, name);
  }

  report(error: unknown): void {
    this.#onError(error);
  }

  /** The next delay in milliseconds, 0 without a source of randomness. */
  delayMs(): number {
    return this.#random === undefined ? 0 : this.#random.below(longestDelayMs + 1);
  }

  /** The way to the hub and back: never takes no time at all, as a caller would come to rely on that. */
  async latency(): Promise<void> {
    const delay = this.delayMs();
    await (delay === 0 ? Promise.resolve() : sleep(this.clock, delay));
  }

  /** The log or queue of that name. @throws BusUnsuitable when it holds other subjects */
  open<S extends LogState>(states: Map<string, S>, name: string, filter: string, create: () => S): S {
    const found = states.get(name) ?? create();
    if (found.filter !== filter) {
      throw new BusUnsuitable(
        `Cannot use the stream ${name}: its subjects are "${found.filter}", expected "${filter}"`,
        { fields: { stream: name, seen: found.filter, expected: filter } },
      );
    }
    states.set(name, found);
    return found;
  }

  /** For tests of what follows it: the log comes back without the latest of its messages. Returns how many went. */
  loseLatest(log: string, messages: number): number {
    const stream = this.logs.get(log)?.stream;
    return stream?.loseAfter(Math.max(0, stream.lastSequence - messages)) ?? 0;
  }

  /** For tests of what reads it: changes the stored bytes of an object behind the back of its digest. */
  tamperObject(bucket: string, name: string, change: (bytes: Uint8Array) => void): void {
    const blob = this.objectBuckets.get(bucket)?.get(name);
    if (blob === undefined) {
      throw new StillhouseError(`Cannot tamper with the object "${name}" of ${bucket}: there is none`);
    }
    change(blob.data);
  }
}
