import { nuid, type StreamState } from "nats";
import { sleep, systemClock } from "../clock.ts";
import { getDirect } from "./direct.ts";
import { closedError, isNotFound } from "./errors.ts";
import type { Link } from "./link.ts";
import { type FollowOptions, Reader, type StreamMessage } from "./reader.ts";
import { pauseMs, persistUntil } from "./retry.ts";

/**
 * Messages of a stream in its order, over a consumer that lives only as long as this iteration. The consumer
 * numbers what it sends, so a message that was lost on the way is noticed; then, and after each reconnect, another
 * consumer starts behind the last message that was yielded.
 */
export async function* follow(link: Link, options: FollowOptions): AsyncGenerator<StreamMessage> {
  let last: StreamMessage | undefined;
  let failures = 0;
  const { signal, until } = options;
  const action = `read "${options.filter}" in ${options.stream}`;
  while (!signal.aborted && !link.closing.aborted) {
    const name = `follow_${nuid.next()}`;
    const after = await persistUntil(link, action, signal, () => resumeAfter(link, options, last));
    if (after === undefined) break;
    const reader = await persistUntil(link, action, signal, () => Reader.open(link, options, name, after));
    if (reader === undefined) break;
    try {
      for (;;) {
        const message = await reader.next();
        if (message === undefined) break;
        last = message;
        failures = 0;
        yield message;
      }
    } finally {
      reader.close();
    }
    if (reader.caughtUp && until === "caught-up") return;
    await sleep(systemClock, pauseMs(failures++), link.closing);
  }
  if (until === "caught-up" && !signal.aborted) throw closedError(action, link.options.address);
}

/**
 * The sequence to go on behind. A server that came back without its latest messages gives their sequences to new
 * ones, which would then be skipped; so unless the last message read is still there, or was deleted from a stream
 * that has gone on since, everything is read again.
 */
async function resumeAfter(
  link: Link,
  options: FollowOptions,
  last: StreamMessage | undefined,
): Promise<number> {
  const sequence = last?.sequence ?? options.after ?? 0;
  if (sequence === 0) return 0;
  const state = await stateOf(link, options);
  if (state === undefined || state.last_seq < sequence) return 0;
  if (last === undefined) return sequence;
  const seen = await getDirect(link, options.stream, { sequence: last.sequence });
  if (seen === undefined) return last.sequence;
  const apart = Math.abs(seen.storedAt.getTime() - last.storedAt);
  return seen.subject === last.subject && apart <= 1 ? last.sequence : 0;
}

/** The stream's state, or undefined when it was lost and is created anew. */
async function stateOf(link: Link, options: FollowOptions): Promise<StreamState | undefined> {
  try {
    return (await link.jsm.streams.info(options.stream)).state;
  } catch (error) {
    if (!isNotFound(error) || options.ensure === undefined) throw error;
    await options.ensure();
    return undefined;
  }
}
