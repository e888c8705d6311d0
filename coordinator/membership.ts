import type { Bus } from "../shared/bus/bus.ts";
import { type Clock, sleep } from "../shared/bus/clock.ts";
import { decode } from "../shared/protocol/codec.ts";
import { Heartbeat } from "../shared/protocol/presence.ts";
import { buckets, PRESENCE_RENEW_MS, PRESENCE_TTL_MS } from "../shared/protocol/subjects.ts";

/** Who is alive, by their heartbeats, and what those who were alive had done when they were last heard. */
export class Membership {
  readonly #heard = new Map<string, Heartbeat>();
  #alive = new Set<string>();

  /** Polls until `signal` aborts: a heartbeat that expires is seen by nobody who only watches. */
  async follow(bus: Bus, clock: Clock, signal: AbortSignal): Promise<void> {
    const kv = await bus.kv(buckets.heartbeats, { ttlMs: PRESENCE_TTL_MS });
    while (!signal.aborted) {
      const keys = await kv.keys(">");
      const entries = await Promise.all(keys.map((key) => kv.get(key)));
      this.#alive = new Set();
      for (const entry of entries) {
        if (!entry) continue;
        const heartbeat = decode(Heartbeat, entry.value, `heartbeat ${entry.key}`);
        this.#heard.set(heartbeat.node, heartbeat);
        this.#alive.add(heartbeat.node);
      }
      await sleep(clock, PRESENCE_RENEW_MS, signal);
    }
  }

  alive(role: Heartbeat["role"]): Heartbeat[] {
    return this.heard(role).filter(({ node }) => this.#alive.has(node));
  }

  /** Everyone of a role that was heard since this coordinator follows, the dead too. */
  heard(role: Heartbeat["role"]): Heartbeat[] {
    return [...this.#heard.values()].filter((heartbeat) => heartbeat.role === role);
  }
}
