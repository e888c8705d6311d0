import type { Bus } from "../bus/bus.ts";
import { encode } from "../protocol/codec.ts";
import { Event } from "../protocol/events.ts";
import { runEventSubject } from "../protocol/subjects.ts";

/** Tells whoever watches a run something that a person should know. May be lost; nothing is decided on it. */
export function publishNotice(
  bus: Bus,
  run: string,
  node: string,
  level: "info" | "warn" | "error",
  text: string,
): void {
  bus.publish(runEventSubject(run), encode(Event, { type: "notice", run, node, level, text }));
}
