import type { WorkItem } from "../shared/bus/bus.ts";
import type { Clock } from "../shared/bus/clock.ts";
import { ACK_WAIT_MS } from "../shared/protocol/work.ts";

/**
 * Holds on to a work item while its computation shows signs of life; once there are none, the item goes back to the
 * queue by itself after `ACK_WAIT_MS`.
 * @param isAlive asked each third of the wait
 * @returns ends the holding
 */
export function keepAlive(item: WorkItem, clock: Clock, isAlive: () => boolean): () => void {
  let cancel = clock.after(ACK_WAIT_MS / 3, function renew() {
    if (!isAlive()) return;
    item.working();
    cancel = clock.after(ACK_WAIT_MS / 3, renew);
  });
  return () => cancel();
}
