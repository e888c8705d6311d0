import type { Bus } from "../bus/bus.ts";
import { type Clock, sleep } from "../bus/clock.ts";
import { StillhouseError } from "../errors.ts";
import { encode } from "../protocol/codec.ts";
import { NodeOrder } from "../protocol/orders.ts";
import { buckets, ORDER_TTL_MS, orderKeys } from "../protocol/subjects.ts";
import { readHeartbeats } from "./readHeartbeats.ts";

/** A node that is to be drained and is not there, or does not end. */
export class CannotDrain extends StillhouseError {}

const LOOK_MS = 500;
/** A chunk may take two minutes, the checkpoint of a training a while. */
const WAIT_MS = 180_000;

/** Resolves when somebody tells a node to end, or when `signal` aborts; what it was told before it was there is not for it. */
export async function toldToDrain(bus: Bus, node: string, signal: AbortSignal): Promise<void> {
  const orders = await bus.kv(buckets.orders, { ttlMs: ORDER_TTL_MS });
  const key = orderKeys.node(node);
  const before = (await orders.get(key))?.revision ?? 0;
  for await (const { value, revision } of orders.watch(key, signal)) {
    if (value && revision > before) return;
  }
}

/**
 * Tells a teacher or student node to finish what it has, to hand the rest back and to end, and waits until it is gone.
 * @throws CannotDrain
 */
export async function drainNode(bus: Bus, clock: Clock, node: string, signal: AbortSignal): Promise<void> {
  const nodes = async () =>
    (await readHeartbeats(bus, () => undefined)).filter(({ role }) => role !== "coordinator");
  const alive = (await nodes()).map((one) => one.node);
  if (!alive.includes(node)) {
    throw new CannotDrain(
      `Cannot drain node "${node}" as it is not alive: expected one of [${alive.sort().join(", ")}]`,
      { fields: { node, alive } },
    );
  }
  const orders = await bus.kv(buckets.orders, { ttlMs: ORDER_TTL_MS });
  await orders.put(orderKeys.node(node), encode(NodeOrder, { type: "node-order", node, order: "drain" }));
  const end = clock.now() + WAIT_MS;
  while (clock.now() < end) {
    await sleep(clock, LOOK_MS, signal);
    signal.throwIfAborted();
    if (!(await nodes()).some((one) => one.node === node)) return;
  }
  throw new CannotDrain(
    `Node "${node}" was told to end, and is still alive after ${WAIT_MS / 1000} s: see its log`,
    { fields: { node } },
  );
}
