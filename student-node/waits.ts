import type { TrainingHooks } from "./compute.ts";

/** How long a training waits for others. Waits that overlap count once. */
export class Waits {
  readonly #now: () => number;
  #pending = 0;
  #since = 0;
  #ms = 0;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number) {
    this.#now = now;
  }

  get seconds(): number {
    return this.#ms / 1000;
  }

  async during<T>(wait: () => Promise<T>): Promise<T> {
    if (this.#pending++ === 0) this.#since = this.#now();
    try {
      return await wait();
    } finally {
      if (--this.#pending === 0) this.#ms += this.#now() - this.#since;
    }
  }

  /** The same hooks, with the waits for labels and for peers' weights counted. */
  counted(hooks: TrainingHooks): TrainingHooks {
    return {
      ...hooks,
      labelsUpTo: (count) => this.during(() => hooks.labelsUpTo(count)),
      peerWeights: (seed, of, step) => this.during(() => hooks.peerWeights(seed, of, step)),
    };
  }
}
