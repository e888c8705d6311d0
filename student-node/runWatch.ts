import type { RunRecord, RunState } from "../shared/protocol/run.ts";

/** A run as the coordinator last told it, for those who wait until it has come somewhere. */
export class RunWatch {
  #current: RunRecord;
  readonly #over = new AbortController();
  readonly #waiting = new Set<() => void>();

  constructor(record: RunRecord) {
    this.#current = record;
  }

  get current(): RunRecord {
    return this.#current;
  }

  /** Aborts when nobody wants the run any more: it is done, has failed, or was left by its coordinator. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  update(record: RunRecord, wanted: boolean): void {
    this.#current = record;
    if (!wanted) this.#over.abort();
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves with the record as soon as its state is one of `states`, or with undefined when `signal` aborts first. */
  reached(states: readonly RunState[], signal: AbortSignal): Promise<RunRecord | undefined> {
    return new Promise((resolve) => {
      const look = (): void => {
        const there = states.includes(this.#current.state);
        if (!there && !signal.aborted) return;
        this.#waiting.delete(look);
        signal.removeEventListener("abort", look);
        resolve(there ? this.#current : undefined);
      };
      this.#waiting.add(look);
      signal.addEventListener("abort", look, { once: true });
      look();
    });
  }
}
