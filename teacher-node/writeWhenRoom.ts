import type { BusFull } from "../shared/bus/errors.ts";
import { whenRoom } from "../shared/bus/whenRoom.ts";
import { publishNotice } from "../shared/cluster/notice.ts";
import type { NodeContext, ServedTeacher } from "./context.ts";

/**
 * Writes something as soon as the server has room for it, and tells those who watch the teacher's runs of each wait.
 * @param onWait called before each wait
 */
export function writeWhenRoom<T>(
  { bus, clock, log, node, signal }: NodeContext,
  { runs }: ServedTeacher,
  subject: string,
  write: () => Promise<T>,
  onWait: () => void,
): Promise<T> {
  return whenRoom(write, clock, signal, (error: BusFull) => {
    const text = `${node} waits for room: ${error.message}`;
    log.warn({ subject }, text);
    for (const { run } of runs) publishNotice(bus, run, node, "warn", text);
    onWait();
  });
}
