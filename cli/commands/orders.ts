import { giveOrder } from "../../coordinator/giveOrder.ts";
import { systemClock } from "../../shared/bus/clock.ts";
import { drainNode } from "../../shared/cluster/drain.ts";
import type { RunOrder } from "../../shared/protocol/orders.ts";
import { runOf } from "../local/outFolder.ts";
import { nodeId } from "../nodeId.ts";
import { onServer, type StoreChoice } from "./onServer.ts";

/**
 * `stillhouse pause|resume|stop|cancel RUN`.
 * @param source id of a run, or the folder that was its --out
 * @returns the exit code
 */
export function order(source: string, order: RunOrder["order"], options: StoreChoice): Promise<number> {
  return onServer(options, order, "The run may have been told.", async ({ bus, signal, say }) => {
    const run = runOf(source);
    say(await giveOrder(bus, systemClock, { run, order, who: nodeId("cli") }, signal));
    return 0;
  });
}

/** `stillhouse drain NODE`. @returns the exit code */
export function drain(node: string, options: StoreChoice): Promise<number> {
  return onServer(options, "drain", "The node may have been told.", async ({ bus, signal, say }) => {
    await drainNode(bus, systemClock, node, signal);
    say(`Node ${node} has ended.`);
    return 0;
  });
}
