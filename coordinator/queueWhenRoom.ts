import type { WorkQueue } from "../shared/bus/bus.ts";
import type { Clock } from "../shared/bus/clock.ts";
import { BusFull } from "../shared/bus/errors.ts";
import { whenRoom } from "../shared/bus/whenRoom.ts";

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
  if (signal.aborted) return false;
  try {
    await whenRoom(
      () => queue.publish(subject, data),
      clock,
      signal,
      (error) => onNotice(`dispatch waits for room: ${error.message}`),
    );
    return true;
  } catch (error) {
    if (error instanceof BusFull && signal.aborted) return false;
    throw error;
  }
}
