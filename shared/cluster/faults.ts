import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../bus/clock.ts";
import { RevisionConflict } from "../bus/errors.ts";
import { decode, encode } from "../protocol/codec.ts";
import { Fault } from "../protocol/presence.ts";
import { buckets } from "../protocol/subjects.ts";

/** What a fault is about: a teacher's labels, a teacher's training, or one run. */
export type FaultTopic = `labelling.${string}` | `recipe.${string}` | `run.${string}`;

/** Reports something that trying again will not mend. The first report on a topic stands. */
export async function postFault(
  bus: Bus,
  clock: Clock,
  topic: FaultTopic,
  node: string,
  text: string,
): Promise<void> {
  const kv = await bus.kv(buckets.faults);
  const fault: Fault = { type: "fault", node, text, atMs: clock.now() };
  try {
    await kv.create(topic, encode(Fault, fault));
  } catch (error) {
    if (!(error instanceof RevisionConflict)) throw error;
  }
}

/** Forgets old faults, for a new attempt after the cause was mended. */
export async function clearFaults(bus: Bus, topics: readonly FaultTopic[]): Promise<void> {
  const kv = await bus.kv(buckets.faults);
  for (const topic of topics) if (await kv.get(topic)) await kv.delete(topic);
}

/** Faults as they come, those already there first, until `signal` aborts. One that does not parse goes to `onBad`. */
export async function* watchFaults(
  bus: Bus,
  onBad: (error: unknown) => void,
  signal: AbortSignal,
): AsyncGenerator<{ topic: string; fault: Fault }> {
  const kv = await bus.kv(buckets.faults);
  for await (const { key, value } of kv.watch(">", signal)) {
    if (!value) continue;
    let fault: Fault;
    try {
      fault = decode(Fault, value, `fault ${key}`);
    } catch (error) {
      onBad(error);
      continue;
    }
    yield { topic: key, fault };
  }
}
