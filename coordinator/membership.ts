import type { Bus } from "../shared/bus/bus.ts";
import { type Clock, sleep } from "../shared/bus/clock.ts";
import { readHeartbeats } from "../shared/cluster/readHeartbeats.ts";
import type { Heartbeat } from "../shared/protocol/presence.ts";
import { PRESENCE_RENEW_MS } from "../shared/protocol/subjects.ts";

/** Who is alive, by their heartbeats, and what those who were alive had done when they were last heard. */
export class Membership {
  readonly #heard = new Map<string, Heartbeat>();
  #alive = new Set<string>();

  /** Polls until `signal` aborts: a heartbeat that expires is seen by nobody who only watches. */
  async follow(bus: Bus, clock: Clock, onBad: (error: unknown) => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const heartbeats = await readHeartbeats(bus, onBad);
      for (const heartbeat of heartbeats) this.#heard.set(heartbeat.node, heartbeat);
      this.#alive = new Set(heartbeats.map(({ node }) => node));
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
