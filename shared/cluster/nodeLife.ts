import type { Logger } from "pino";
import { anySignal } from "../bus/anySignal.ts";
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../bus/clock.ts";
import { failureOf } from "../bus/failureOf.ts";
import type { Heartbeat } from "../protocol/presence.ts";
import { toldToDrain } from "./drain.ts";
import { beat, type Pulse } from "./heartbeat.ts";

/** How long a node that is to end may take for the last checkpoints of what it trains, where nobody says. */
export const GRACE_MS = 1_000;

export interface NodeLife {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly role: Heartbeat["role"];
  readonly node: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly pulse: () => Pulse;
}

/**
 * Runs what a node does, alive for all to see from its first to its last moment, until `signal` aborts or somebody tells
 * the node to end: then `work` finishes what it has.
 */
export async function liveAsNode(
  { bus, clock, role, node, log, signal, pulse }: NodeLife,
  work: (until: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const drained = new AbortController();
  const over = new AbortController();
  const until = anySignal(signal, drained.signal);
  const listening = toldToDrain(bus, node, anySignal(until, over.signal)).then(() => {
    if (until.aborted || over.signal.aborted) return;
    log.info("told to end");
    drained.abort(new Error(`${node} was told to end`));
  });
  const beating = beat(bus, clock, { role, node }, pulse, over.signal);
  const working = work(until);
  try {
    // Whichever fails ends the node; neither ends before the work does.
    await Promise.race([working, failureOf(beating), failureOf(listening)]);
  } finally {
    drained.abort();
    over.abort();
    await Promise.allSettled([working, beating, listening]);
  }
}
