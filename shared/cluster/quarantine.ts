import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../bus/clock.ts";
import { RevisionConflict } from "../bus/errors.ts";
import { inBatches } from "../bus/inBatches.ts";
import { messageOf } from "../errors.ts";
import { decode, encode } from "../protocol/codec.ts";
import { Quarantined } from "../protocol/quarantine.ts";
import { buckets, streams, workKeys } from "../protocol/subjects.ts";
import { Attempts } from "./attempts.ts";

/** Takes work that no node came to the end of out of the queue, and writes down how each fared. The first record stands. */
export async function quarantine(
  bus: Bus,
  clock: Clock,
  subject: string,
  by: { readonly node: string; readonly run: string | null },
): Promise<void> {
  const kv = await bus.kv(buckets.quarantine);
  const attempts = await Attempts.open(bus, clock);
  const record: Quarantined = {
    type: "quarantined",
    subject,
    ...by,
    atMs: clock.now(),
    attempts: await attempts.of(subject),
  };
  try {
    await kv.create(workKeys.of(subject), encode(Quarantined, record));
  } catch (error) {
    if (!(error instanceof RevisionConflict)) throw error;
  }
  // What was given up keeps its subject, so that a new attempt could not be queued.
  await (await bus.workQueue(streams.work.name, streams.work.filter)).purge(subject);
  await attempts.forget(subject);
}

/** What is in quarantine of the work that matches one of the filters, the oldest first. */
export async function listQuarantined(
  bus: Bus,
  filters: readonly string[],
  onBad: (text: string) => void,
): Promise<Quarantined[]> {
  const kv = await bus.kv(buckets.quarantine);
  const keys = new Set((await inBatches(filters, (filter) => kv.keys(workKeys.of(filter)))).flat());
  const found = await inBatches([...keys], async (key) => {
    const entry = await kv.get(key);
    try {
      return entry && decode(Quarantined, entry.value, `quarantine ${key}`);
    } catch (error) {
      onBad(messageOf(error));
      return undefined;
    }
  });
  return found.filter((one) => one !== undefined).sort((a, b) => a.atMs - b.atMs);
}

/**
 * Lets work that matches one of the filters be tried anew, by whoever still needs it.
 * @returns how many items there were
 */
export async function releaseQuarantined(
  bus: Bus,
  clock: Clock,
  filters: readonly string[],
): Promise<number> {
  const kv = await bus.kv(buckets.quarantine);
  const keys = [...new Set((await inBatches(filters, (filter) => kv.keys(workKeys.of(filter)))).flat())];
  const attempts = await Attempts.open(bus, clock);
  for (const key of keys) {
    await attempts.forget(workKeys.subject(key));
    await kv.delete(key);
  }
  return keys.length;
}
