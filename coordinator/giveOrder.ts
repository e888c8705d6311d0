import { anySignal } from "../shared/bus/anySignal.ts";
import type { Bus } from "../shared/bus/bus.ts";
import { type Clock, sleep } from "../shared/bus/clock.ts";
import { coordinatorLease } from "../shared/cluster/followRuns.ts";
import { type Lease, takeLease } from "../shared/cluster/lease.ts";
import { readRun } from "../shared/cluster/runRecords.ts";
import { StillhouseError } from "../shared/errors.ts";
import { encode } from "../shared/protocol/codec.ts";
import { RunOrder } from "../shared/protocol/orders.ts";
import { isLive, type RunRecord, type RunState } from "../shared/protocol/run.ts";
import { buckets, ORDER_TTL_MS, orderKeys, PRESENCE_TTL_MS } from "../shared/protocol/subjects.ts";
import { cancelRun, pauseRun } from "./pauseOrCancel.ts";
import { mayEnter } from "./runStates.ts";
import { RunStore } from "./runStore.ts";

type Order = RunOrder["order"];

/** A run that cannot do what it is told. */
export class OrderRefused extends StillhouseError {}

const LOOK_MS = 200;
/** A coordinator obeys within two seconds, and one that has died is known to be gone after a few more. */
const WAIT_MS = 20_000;

/**
 * Tells a run what to do, and waits until its record says that it has. The coordinator obeys; where there is none, and so
 * nobody would, the record is changed here.
 * @param who takes the lease then
 * @returns what has come of it, for people
 * @throws OrderRefused, UnknownRun
 */
export async function giveOrder(
  bus: Bus,
  clock: Clock,
  { run, order, who }: { readonly run: string; readonly order: Order; readonly who: string },
  signal: AbortSignal,
): Promise<string> {
  const record = await readRun(bus, run);
  requirePossible(record, order);
  const leases = await bus.kv(buckets.leases, { ttlMs: PRESENCE_TTL_MS });
  const orders = await bus.kv(buckets.orders, { ttlMs: ORDER_TTL_MS });
  const end = clock.now() + WAIT_MS;
  let given = false;
  while (clock.now() < end && !signal.aborted) {
    const attended = (await leases.get(coordinatorLease(run))) !== undefined;
    if (attended && !given) {
      await orders.put(orderKeys.run(run), encode(RunOrder, { type: "run-order", run, order }));
      given = true;
    }
    if (!attended) return withoutCoordinator(bus, clock, { run, order, who, given }, signal);
    const { state } = await readRun(bus, run);
    if (order !== "stop" && hasObeyed(state, order)) return `Run ${run} is ${state}.`;
    await sleep(clock, LOOK_MS, signal);
  }
  signal.throwIfAborted();
  throw new OrderRefused(
    `Run ${run} was told to ${order}, and its coordinator has not done so within ${WAIT_MS / 1000} s: see its log`,
    { fields: { run, order } },
  );
}

/** Nobody coordinates the run, or nobody does any more. */
async function withoutCoordinator(
  bus: Bus,
  clock: Clock,
  { run, order, who, given }: { run: string; order: Order; who: string; given: boolean },
  signal: AbortSignal,
): Promise<string> {
  if (order === "stop") {
    return given
      ? `Run ${run} has stopped; a coordinator that is started again goes on with it.`
      : `Run ${run} has no coordinator: it is stopped already.`;
  }
  const lease = await leaseUnlessHeld(bus, clock, run, who, signal);
  if (!lease) return giveOrder(bus, clock, { run, order, who }, signal);
  try {
    const store = await RunStore.takeOver(bus, clock, lease.fence, run);
    if (!store)
      throw new OrderRefused(`Cannot ${order} run ${run}: its record is gone`, { fields: { run, order } });
    if (!hasObeyed(store.record.state, order)) {
      requirePossible(store.record, order);
      if (order === "resume") await store.resume();
      else if (order === "cancel") await cancelRun(bus, clock, store);
      else await pauseRun(bus, clock, store);
    }
    const { state } = store.record;
    const next =
      state === "cancelled" ? "" : " It has no coordinator: nobody works on it until one is started.";
    return `Run ${run} is ${state}.${next}`;
  } finally {
    await lease.release();
  }
}

/** @returns undefined where somebody holds it */
function leaseUnlessHeld(
  bus: Bus,
  clock: Clock,
  run: string,
  who: string,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const enough = new AbortController();
  return takeLease(bus, coordinatorLease(run), who, clock, anySignal(signal, enough.signal), {
    onWait: () => enough.abort(),
  });
}

function hasObeyed(state: RunState, order: Order): boolean {
  if (order === "pause") return state === "paused";
  if (order === "cancel") return state === "cancelled";
  return order === "resume" && state !== "paused";
}

/** @throws OrderRefused */
function requirePossible({ run, state }: RunRecord, order: Order): void {
  const possible: Readonly<Record<Order, boolean>> = {
    pause: mayEnter(state, "paused"),
    resume: state === "paused",
    cancel: mayEnter(state, "cancelled"),
    stop: isLive({ state }),
  };
  if (possible[order]) return;
  const why =
    order === "resume" && state !== "done" && state !== "cancelled"
      ? "only a paused run is resumed"
      : "that is for runs which are not over";
  throw new OrderRefused(`Cannot ${order} run ${run} as it is ${state}: ${why}`, {
    fields: { run, order, state },
  });
}
