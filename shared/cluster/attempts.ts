import type { Bus, KeyValue, WorkItem } from "../bus/bus.ts";
import type { Clock } from "../bus/clock.ts";
import { messageOf } from "../errors.ts";
import { decode, encode } from "../protocol/codec.ts";
import { Attempt } from "../protocol/quarantine.ts";
import { ATTEMPT_TTL_MS, buckets, workKeys } from "../protocol/subjects.ts";

/** How nodes fared with work items that were not done at the first try. */
export class Attempts {
  readonly #kv: KeyValue;
  readonly #clock: Clock;

  private constructor(kv: KeyValue, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  static async open(bus: Bus, clock: Clock): Promise<Attempts> {
    return new Attempts(await bus.kv(buckets.attempts, { ttlMs: ATTEMPT_TTL_MS }), clock);
  }

  /** A node begins with an item: should it die over it, this is all that is known. */
  async began(item: WorkItem, node: string): Promise<void> {
    await this.#put(item, node, null);
  }

  async failed(item: WorkItem, node: string, error: unknown): Promise<void> {
    await this.#put(item, node, messageOf(error));
  }

  /** Items are done, or no longer asked for, or to be tried anew. @param of a subject, or a filter (`...>`) */
  async forget(of: string): Promise<void> {
    const filter = of.endsWith(">") ? workKeys.of(of) : workKeys.attempt(of, "*");
    for (const key of await this.#kv.keys(filter)) await this.#kv.delete(key);
  }

  /** What is known of the tries at an item, first to last. */
  async of(subject: string): Promise<Attempt[]> {
    const keys = await this.#kv.keys(workKeys.attempt(subject, "*"));
    const found = await Promise.all(
      keys.map(async (key) => {
        const entry = await this.#kv.get(key);
        return entry && decode(Attempt, entry.value, `attempt ${key}`);
      }),
    );
    return found.filter((one) => one !== undefined).sort((a, b) => a.delivery - b.delivery);
  }

  /** Subjects of those items that match a filter (`...>`) and have been delivered so often. */
  async delivered(filter: string, times: number): Promise<string[]> {
    const keys = await this.#kv.keys(workKeys.of(filter));
    return keys
      .filter((key) => key.endsWith(`.${times}`))
      .map((key) => workKeys.subject(key.slice(0, key.lastIndexOf("."))));
  }

  async #put({ subject, delivery }: WorkItem, node: string, error: string | null): Promise<void> {
    const attempt: Attempt = { type: "attempt", node, delivery, atMs: this.#clock.now(), error };
    await this.#kv.put(workKeys.attempt(subject, delivery), encode(Attempt, attempt));
  }
}

/**
 * A node begins with an item. Most are done at the first try, of which nothing is written.
 * @returns to be called when it is done
 */
export async function beginAttempt(
  bus: Bus,
  clock: Clock,
  item: WorkItem,
  node: string,
): Promise<() => Promise<void>> {
  if (item.delivery === 1) return async () => undefined;
  const attempts = await Attempts.open(bus, clock);
  await attempts.began(item, node);
  return () => attempts.forget(item.subject);
}

/** A try has failed, and perhaps another will not. */
export async function failAttempt(
  bus: Bus,
  clock: Clock,
  item: WorkItem,
  node: string,
  error: unknown,
): Promise<void> {
  await (await Attempts.open(bus, clock)).failed(item, node, error);
}

/** The tries at an item for people, one each; of the first ones that nobody told of it says so. */
export function attemptTexts(attempts: readonly Attempt[]): string[] {
  const last = Math.max(0, ...attempts.map(({ delivery }) => delivery));
  return Array.from({ length: last }, (_, i) => {
    const attempt = attempts.find(({ delivery }) => delivery === i + 1);
    if (!attempt) return `${i + 1}. a node that told nothing of it`;
    return `${i + 1}. ${attempt.node}: ${attempt.error ?? "it died, hung or was cut off"}`;
  });
}

/** The same in one line. */
export function attemptsText(attempts: readonly Attempt[]): string {
  return attemptTexts(attempts).join("; ") || "nobody told of an attempt";
}
