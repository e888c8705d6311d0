import type { Bus } from "../shared/bus/bus.ts";
import { matches } from "../shared/bus/subjects.ts";
import { Wakeup } from "../shared/bus/wakeup.ts";
import { buckets, workKeys } from "../shared/protocol/subjects.ts";

/** Which work is in quarantine now: nobody queues that, until it is let out. */
export class QuarantineWatch {
  readonly #subjects = new Set<string>();
  readonly #news = new Wakeup();
  /** Grows with each change. */
  version = 0;

  /** What is there already is known when it resolves; what comes and goes is followed until `signal` aborts. */
  static async open(
    bus: Bus,
    onError: (error: unknown) => void,
    signal: AbortSignal,
  ): Promise<QuarantineWatch> {
    const kv = await bus.kv(buckets.quarantine);
    const watch = new QuarantineWatch();
    const follow = async (): Promise<void> => {
      for await (const { key, value } of kv.watch(">", signal)) {
        if (value) watch.#subjects.add(workKeys.subject(key));
        else watch.#subjects.delete(workKeys.subject(key));
        watch.version++;
        watch.#news.wake();
      }
    };
    for (const key of await kv.keys(">")) watch.#subjects.add(workKeys.subject(key));
    follow().catch(onError);
    return watch;
  }

  has(subject: string): boolean {
    return this.#subjects.has(subject);
  }

  /** What of it matches one of the filters. */
  of(filters: readonly string[]): string[] {
    return [...this.#subjects].filter((subject) => filters.some((filter) => matches(filter, subject)));
  }

  /** Resolves when there has been a change since a version, or when `signal` aborts. */
  async changedSince(version: number, signal: AbortSignal): Promise<void> {
    while (this.version === version && !signal.aborted) await this.#news.wait(signal);
  }
}
