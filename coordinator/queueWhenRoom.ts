import type { WorkQueue } from "../shared/bus/bus.ts";
import { type Clock, sleep } from "../shared/bus/clock.ts";
import { BusFull } from "../shared/bus/errors.ts";

const FULL_WAIT_MS = 2_000;

/**
 * Queues work, or finds that it is pending. While the server has no room, waits and says so.
 * @returns false when `signal` aborted first
 */
export async function queueWhenRoom(
  queue: WorkQueue,
  subject: string,
  data: Uint8Array,
  clock: Clock,
  onNotice: (text: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    try {
      await queue.publish(subject, data);
      return true;
    } catch (error) {
      if (!(error instanceof BusFull)) throw error;
      onNotice(`dispatch waits for room: ${error.message}`);
      await sleep(clock, FULL_WAIT_MS, signal);
    }
  }
  return false;
}
