import { hostname } from "node:os";
import type { Bus } from "../bus/bus.ts";
import { type Clock, sleep } from "../bus/clock.ts";
import { encode } from "../protocol/codec.ts";
import { Heartbeat } from "../protocol/presence.ts";
import { buckets, PRESENCE_RENEW_MS, PRESENCE_TTL_MS } from "../protocol/subjects.ts";

/** What of a heartbeat changes from one to the next. */
export type Pulse = Pick<
  Heartbeat,
  "backend" | "doing" | "serving" | "refused" | "samplesPredicted" | "chunksLabelled" | "redeliveries"
>;

/** Of a node that predicts nothing. */
export function idlePulse(doing: string): Pulse {
  return {
    backend: "none",
    doing,
    serving: [],
    refused: [],
    samplesPredicted: 0,
    chunksLabelled: 0,
    redeliveries: 0,
  };
}

/** Tells everyone each second that this node is alive and what it does, until `signal` aborts; then says farewell. */
export async function beat(
  bus: Bus,
  clock: Clock,
  who: { role: Heartbeat["role"]; node: string },
  pulse: () => Pulse,
  signal: AbortSignal,
): Promise<void> {
  const kv = await bus.kv(buckets.heartbeats, { ttlMs: PRESENCE_TTL_MS });
  const key = `${who.role}.${who.node}`;
  const startedAtMs = clock.now();
  while (!signal.aborted) {
    const message: Heartbeat = {
      type: "heartbeat",
      ...who,
      pid: process.pid,
      host: hostname(),
      startedAtMs,
      ...pulse(),
    };
    await kv.put(key, encode(Heartbeat, message));
    await sleep(clock, PRESENCE_RENEW_MS, signal);
  }
  await kv.delete(key);
}
