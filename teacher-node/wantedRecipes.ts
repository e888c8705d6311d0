import { anySignal } from "../shared/bus/anySignal.ts";
import type { Clock } from "../shared/bus/clock.ts";
import { Wakeup } from "../shared/bus/wakeup.ts";
import type { RunRecord } from "../shared/protocol/run.ts";

/** A run's record may reach a node a little after the work that it asks for. */
const HEAR_MS = 3_000;

/** Which trainings the runs that are at work need, as far as this node has heard. */
export class WantedRecipes {
  readonly #news = new Wakeup();
  #wanted: ReadonlySet<string> = new Set();

  /** @param runs all that are at work */
  update(runs: Iterable<RunRecord>): void {
    this.#wanted = new Set([...runs].flatMap(({ teachers }) => teachers.flatMap(({ recipes }) => recipes)));
    this.#news.wake();
  }

  /** Whether some run needs a training; waits a little for one that is not known yet. */
  async has(recipe: string, clock: Clock, signal: AbortSignal): Promise<boolean> {
    const enough = new AbortController();
    const until = anySignal(signal, enough.signal);
    const cancel = clock.after(HEAR_MS, () => enough.abort());
    try {
      while (!this.#wanted.has(recipe) && !until.aborted) await this.#news.wait(until);
    } finally {
      cancel();
    }
    return this.#wanted.has(recipe);
  }

  /** Resolves when no run needs a training any more, or when `signal` aborts. */
  async gone(recipe: string, signal: AbortSignal): Promise<void> {
    while (this.#wanted.has(recipe) && !signal.aborted) await this.#news.wait(signal);
  }
}
