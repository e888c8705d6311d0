import type { Bus } from "../../shared/bus/bus.ts";
import { sleep, systemClock } from "../../shared/bus/clock.ts";
import { coordinatorLease } from "../../shared/cluster/followRuns.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Event } from "../../shared/protocol/events.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { LeaseRecord } from "../../shared/protocol/run.ts";
import { buckets, eventsFilter, PRESENCE_TTL_MS, streams } from "../../shared/protocol/subjects.ts";

/** Calls back with the first message that `take` wants. @returns undefined when none came in time */
function first<T>(
  bus: Bus,
  filter: string,
  take: (data: Uint8Array, subject: string) => T | undefined,
  waitMs: number,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const enough = new AbortController();
    const subscription = bus.subscribe(filter, ({ data, subject }) => {
      const taken = take(data, subject);
      if (taken === undefined || enough.signal.aborted) return;
      enough.abort();
      subscription.unsubscribe();
      resolve(taken);
    });
    void sleep(systemClock, waitMs, enough.signal).then(() => {
      if (enough.signal.aborted) return;
      subscription.unsubscribe();
      resolve(undefined);
    });
  });
}

export interface Append {
  readonly node: string;
  readonly subject: string;
  readonly label: Labels;
}

/** A node publishes a label: the server stores it now, and the node does not know yet. */
export function labelAppended(bus: Bus, waitMs: number): Promise<Append | undefined> {
  return first(
    bus,
    streams.labels.filter,
    (data, subject) => {
      const label = decode(Labels, data, subject);
      return { node: label.node, subject, label };
    },
    waitMs,
  );
}

/** The node that trains a teacher just now. */
export function teacherTrains(bus: Bus, waitMs: number): Promise<string | undefined> {
  return first(
    bus,
    eventsFilter,
    (data, subject) => {
      const event = decode(Event, data, subject);
      return event.type === "teacher-progress" && event.step < event.total ? event.node : undefined;
    },
    waitMs,
  );
}

/** The first block of a checkpoint is on its way into the object store; whose it is its pointer would say. */
export function checkpointBegins(bus: Bus, waitMs: number): Promise<true | undefined> {
  return first(bus, `$O.${buckets.checkpoints}.C.>`, () => true as const, waitMs);
}

/** Who holds the lease of a run's coordinator, or of its student node. */
export async function holderOf(
  bus: Bus,
  role: "coordinator" | "student",
  run: string,
): Promise<string | undefined> {
  const leases = await bus.kv(buckets.leases, { ttlMs: PRESENCE_TTL_MS });
  const key = role === "coordinator" ? coordinatorLease(run) : `student.${run}`;
  const entry = await leases.get(key);
  return entry && decode(LeaseRecord, entry.value, key).holder;
}
