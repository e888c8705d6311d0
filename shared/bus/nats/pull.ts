import { createInbox, type Msg } from "nats";
import type { Link } from "./link.ts";
import { ns } from "./stream.ts";

export interface PullOptions {
  stream: string;
  consumer: string;
  max: number;
  maxBytes?: number;
  waitMs: number;
  /** How long a server may say nothing, not even that it has nothing; absent: until two of its heartbeats are missed. */
  silenceMs?: number;
  /** What comes after the first message is what the server has at hand then; absent: whatever comes until `waitMs` are over. */
  atHand?: boolean;
  signals: readonly AbortSignal[];
  onMessage: (message: Msg) => void;
}

/**
 * Why a pull ended: `full` all came; `expired` the server says that the time is over; `aborted` by a signal; `gone`
 * the server has no such consumer; `silent` nothing came from the server, which is how 2.9 answers for a consumer
 * that it does not have; `lost` the connection or the server's leader went away, and messages may have gone with it.
 */
export type PullEnd = "full" | "expired" | "aborted" | "gone" | "silent" | "lost";

const graceful: readonly PullEnd[] = ["expired", "aborted", "silent"];

/**
 * One bounded request to a pull consumer. Never rejects. The request is written by hand, as the library's `fetch`
 * asks anew after a reconnect, which hands out more than `max`, and cannot be told to stop.
 *
 * On `expired`, `aborted` and `silent`, a round trip to the server comes first, so that messages on their way still arrive.
 */
export function pull(link: Link, options: PullOptions): Promise<PullEnd> {
  const { nc } = link;
  return new Promise((resolve) => {
    const inbox = createInbox();
    const heartbeatMs = Math.min(2000, options.waitMs / 4);
    // Two heartbeats missed, and a half for the way.
    const { silenceMs = heartbeatMs * 2.5 } = options;
    let missing = options.max;
    let ended = false;
    let silence: NodeJS.Timeout | undefined;

    const end = async (reason: PullEnd): Promise<void> => {
      if (ended) return;
      ended = true;
      clearTimeout(deadline);
      clearTimeout(silence);
      forgetLost();
      for (const signal of options.signals) signal.removeEventListener("abort", onAbort);
      if (graceful.includes(reason) && link.up && !nc.isClosed()) {
        await link.unlessLost(Promise.race([subscription.drain(), pause(1000)])).catch(() => {});
      }
      if (!subscription.isClosed()) subscription.unsubscribe();
      resolve(reason);
    };
    const listen = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => void end("silent"), silenceMs);
    };
    const onAbort = (): void => void end("aborted");
    const ask = (request: Record<string, unknown>): void => {
      const subject = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.consumer}`;
      nc.publish(subject, JSON.stringify(request), { reply: inbox });
    };

    const subscription = nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null) {
          link.report(error);
          return void end("lost");
        }
        if (message.subject === inbox) {
          // There was one, and the server has no more at hand.
          const complete = options.atHand === true && missing < options.max;
          const reason = complete ? "full" : endOf(message);
          if (reason === undefined) listen();
          else void end(reason);
          return;
        }
        missing--;
        options.onMessage(message);
        if (missing === 0) return void end("full");
        listen();
        // One by one: the server does not say that it has no more where it had some.
        if (options.atHand) ask({ batch: 1, no_wait: true });
      },
    });
    const forgetLost = link.onLost(() => void end("lost"));
    // The server ends the pull; this only helps when its word does not come.
    const deadline = setTimeout(() => void end("silent"), options.waitMs + (options.silenceMs ?? 250));
    for (const signal of options.signals) signal.addEventListener("abort", onAbort, { once: true });
    if (options.signals.some((signal) => signal.aborted)) return onAbort();

    ask({
      batch: options.atHand ? 1 : options.max,
      expires: ns(options.waitMs),
      ...(options.maxBytes === undefined ? {} : { max_bytes: options.maxBytes }),
      idle_heartbeat: ns(heartbeatMs),
    });
    listen();
  });
}

/** What a status message says about the pull; undefined when it goes on. */
function endOf(status: Msg): PullEnd | undefined {
  const code = status.headers?.code ?? 0;
  const text = status.headers?.description ?? "";
  if (code === 100) return undefined;
  if (code === 503 || /consumer deleted/i.test(text)) return "gone";
  if (code === 404 || code === 408) return "expired";
  if (/leadership|shutdown/i.test(text)) return "lost";
  // The next message goes beyond `maxBytes`, so the request is complete.
  if (/maxbytes|batch completed/i.test(text)) return "full";
  // Refused for the moment, since too many pull: sit out the time rather than ask again at once.
  return undefined;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
