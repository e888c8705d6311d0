import { messageOf } from "../../errors.ts";
import { sleep, systemClock } from "../clock.ts";
import { BusUnreachable } from "../errors.ts";
import { Wakeup } from "../wakeup.ts";
import { closedError, explain, isTransient } from "./errors.ts";
import type { Link } from "./link.ts";

/**
 * Tries until the server answers: waits while the connection is down, tries again after timeouts and while
 * JetStream is starting, with growing pauses. `attempt` must do no harm when it runs twice, since a lost answer
 * looks like a lost request; it is told whether it ran before.
 *
 * @param action continues "Cannot": `append to "a.b"`
 * @throws BusUnreachable when the link's patience ends or the bus closes; other refusals of the server as they are
 */
export async function persist<T>(
  link: Link,
  action: string,
  attempt: (again: boolean) => Promise<T>,
  patienceMs: number = link.options.patienceMs,
): Promise<T> {
  const { address } = link.options;
  const deadline = performance.now() + patienceMs;
  let last: unknown = "no connection";
  for (let tries = 0; ; ) {
    if (link.closing.aborted) throw closedError(action, address);
    if (await link.connected(deadline - performance.now())) {
      try {
        return await link.unlessLost(attempt(tries > 0));
      } catch (error) {
        if (link.closing.aborted) throw closedError(action, address, error);
        if (!isTransient(error)) throw explain(error, action, address);
        last = error;
        tries++;
      }
    }
    if (performance.now() >= deadline) {
      throw new BusUnreachable(
        `Cannot ${action} at ${address}: no success within ${patienceMs} ms, the last failure was: ${messageOf(last)}. Start nats-server again, it finds its data in its store directory`,
        { fields: { action, address, patienceMs, tries }, retry: true, cause: last },
      );
    }
    await sleep(systemClock, pauseMs(tries), link.closing);
  }
}

/**
 * The same for what goes on for as long as somebody wants it: tries for ever, and gives undefined once the signal
 * aborts or the bus closes.
 */
export async function persistUntil<T>(
  link: Link,
  action: string,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T | undefined> {
  const done = new AbortController();
  const stopped = new Wakeup().wait(signal, link.closing, done.signal);
  try {
    return await Promise.race([
      stopped.then(() => undefined),
      persist(
        link,
        action,
        () => (signal.aborted ? Promise.reject(signal.reason) : attempt()),
        Number.POSITIVE_INFINITY,
      ),
    ]);
  } catch (error) {
    if (signal.aborted || link.closing.aborted) return undefined;
    throw error;
  } finally {
    done.abort();
  }
}

/** 25 to 50 ms after the first failure, doubling up to 1 to 2 s; the jitter spreads many nodes after an outage. */
export function pauseMs(failures: number): number {
  return Math.min(2000, 25 * 2 ** failures) * (0.5 + Math.random() / 2);
}
