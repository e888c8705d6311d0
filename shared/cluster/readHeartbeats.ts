import type { Bus } from "../bus/bus.ts";
import { decode } from "../protocol/codec.ts";
import { Heartbeat } from "../protocol/presence.ts";
import { buckets, PRESENCE_TTL_MS } from "../protocol/subjects.ts";

/** Everyone who is alive now. One that does not parse, as of another version, goes to `onBad` and is left out. */
export async function readHeartbeats(bus: Bus, onBad: (error: unknown) => void): Promise<Heartbeat[]> {
  const kv = await bus.kv(buckets.heartbeats, { ttlMs: PRESENCE_TTL_MS });
  const entries = await Promise.all((await kv.keys(">")).map((key) => kv.get(key)));
  return entries.flatMap((entry) => {
    if (!entry) return [];
    try {
      return [decode(Heartbeat, entry.value, `heartbeat ${entry.key}`)];
    } catch (error) {
      onBad(error);
      return [];
    }
  });
}
