/**
 * Lets loops sleep until something changed: look, find nothing, wait, look again. Since looking and starting to
 * wait happen in one go of the event loop, no change is missed in between.
 */
export class Wakeup {
  readonly #sleepers = new Set<() => void>();

  /** Resolves at the next `wake()`, or when one of the signals aborts; never rejects. */
  wait(...signals: readonly AbortSignal[]): Promise<void> {
    return new Promise((resolve) => {
      if (signals.some((signal) => signal.aborted)) return resolve();
      const done = (): void => {
        this.#sleepers.delete(done);
        for (const signal of signals) signal.removeEventListener("abort", done);
        resolve();
      };
      this.#sleepers.add(done);
      for (const signal of signals) signal.addEventListener("abort", done, { once: true });
    });
  }

  wake(): void {
    for (const sleeper of [...this.#sleepers]) sleeper();
  }
}
