import type { WriteOnceLog } from "../bus/bus.ts";
import { type Clock, sleep } from "../bus/clock.ts";
import { BusFull } from "../bus/errors.ts";
import type { LabelMessage } from "./labelMessage.ts";

const FULL_WAIT_MS = 2_000;

/**
 * Appends labels to the log. A full log is no fault: they are appended when there is room.
 * @param onWait called before each wait
 * @throws BusFull when `signal` aborts while the log is full
 */
export async function appendWhenRoom(
  log: WriteOnceLog,
  { subject, data }: LabelMessage,
  clock: Clock,
  signal: AbortSignal,
  onWait: (error: BusFull) => void,
): Promise<void> {
  for (;;) {
    try {
      await log.append(subject, data);
      return;
    } catch (error) {
      if (!(error instanceof BusFull) || signal.aborted) throw error;
      onWait(error);
      await sleep(clock, FULL_WAIT_MS, signal);
    }
  }
}
