import type { WriteOnceLog } from "../../shared/bus/bus.ts";

/** The subjects that a log has now, and match. */
export async function subjectsOf(log: WriteOnceLog, filter: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { subject } of log.follow(filter, new AbortController().signal, { until: "now" }))
    found.push(subject);
  return found;
}
