/** Bytes that may be on their way to the log at once, beside one message. */
const UNDER_WAY_BYTES = 2 * 1024 * 1024;

/** Messages on their way to the log, so that the next are computed meanwhile; few enough that memory stays bounded. */
export class Appends {
  readonly #underWay = new Set<Promise<void>>();
  #bytes = 0;

  /**
   * Begins one, once there is room for it.
   * @throws what an earlier one failed with while it was waited for
   */
  async add(bytes: number, append: () => Promise<unknown>): Promise<void> {
    while (this.#bytes > 0 && this.#bytes + bytes > UNDER_WAY_BYTES) await Promise.race(this.#underWay);
    this.#bytes += bytes;
    const appended = append().then(() => {
      this.#underWay.delete(appended);
      this.#bytes -= bytes;
    });
    // Heard of by whoever waits for it.
    appended.catch(() => undefined);
    this.#underWay.add(appended);
  }

  /** Resolves when all are there. @throws what one failed with */
  async all(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Resolves when none is under way any more, however they ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }
}
