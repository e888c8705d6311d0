import type { Msg } from "nats";

export interface Delivery {
  /** How often the message was handed out, this time included. */
  times: number;
  sequence: number;
  /** Counts what this consumer was sent. */
  delivery: number;
  storedAt: number;
  /** Messages that match and were not sent yet. */
  pending: number;
}

/**
 * Reads what the server wrote into the reply subject:
 * `$JS.ACK.<stream>.<consumer>.<times>.<sequence>.<delivery>.<nanoseconds>.<pending>`, in newer servers with a domain
 * and an account behind `ACK` and one token more at the end.
 */
export function deliveryOf(message: Msg): Delivery {
  const tokens = (message.reply ?? "").split(".");
  const at = tokens.length === 9 ? 4 : 6;
  const [times, sequence, delivery, nanoseconds, pending] = tokens.slice(at, at + 5).map(Number);
  return {
    times: times ?? 0,
    sequence: sequence ?? 0,
    delivery: delivery ?? 0,
    storedAt: Math.floor((nanoseconds ?? 0) / 1e6),
    pending: pending ?? 0,
  };
}
