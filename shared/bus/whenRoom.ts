import { type Clock, sleep } from "./clock.ts";
import { BusFull } from "./errors.ts";

const FULL_WAIT_MS = 2_000;

/**
 * Writes something as soon as the server has room for it.
 * @param onWait called before each wait
 * @throws BusFull when `signal` aborts while there is none, and what `write` throws
 */
export async function whenRoom<T>(
  write: () => Promise<T>,
  clock: Clock,
  signal: AbortSignal,
  onWait: (error: BusFull) => void,
): Promise<T> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof BusFull) || signal.aborted) throw error;
      onWait(error);
      await sleep(clock, FULL_WAIT_MS, signal);
    }
  }
}
