import { type Clock, sleep } from "../shared/bus/clock.ts";
import type { RunRecord } from "../shared/protocol/run.ts";
import type { Membership } from "./membership.ts";

const LOOK_MS = 5_000;

/** Says every few seconds what the run waits for when nobody is there to do it, until `signal` aborts. */
export async function watchStalls(
  record: () => RunRecord,
  membership: Membership,
  clock: Clock,
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const since = new Map<string, number>();
  while (!signal.aborted) {
    await sleep(clock, LOOK_MS, signal);
    const wanting = new Set(missingHelp(record(), membership));
    for (const text of since.keys()) if (!wanting.has(text)) since.delete(text);
    for (const text of wanting) {
      const start = since.get(text) ?? clock.now();
      since.set(text, start);
      // Heartbeats lag by a second: what is missing at one look only is not missing.
      if (!signal.aborted && clock.now() > start)
        notice(`waiting ${Math.round((clock.now() - start) / 1000)} s: ${text}`);
    }
  }
}

function missingHelp(record: RunRecord, membership: Membership): string[] {
  const teachers = membership.alive("teacher");
  const wants: string[] = [];
  if (record.state === "teaching" || record.state === "distilling") {
    const imported = record.teachers.every(({ source }) => source === "imported");
    if (teachers.length === 0 && !imported)
      wants.push("no teacher node is alive; start one with `stillhouse teacher`");
  }
  if (record.state === "distilling" && record.labelledAtMs === null && teachers.length > 0) {
    const { quorum } = record.spec.ensemble;
    const without =
      quorum === "all" ? "" : `; with a quorum, chunks go on without it after ${quorum.deadlineS} s`;
    for (const { name, ready } of record.teachers) {
      if (ready?.model && !teachers.some(({ serving }) => serving.includes(ready.labelling))) {
        const refused = teachers.flatMap((node) =>
          node.refused.filter(({ labelling }) => labelling === ready.labelling),
        );
        const why = refused.map(({ why }) => `; ${why}`).join("");
        wants.push(`no teacher node serves teacher "${name}"${why}${without}`);
      }
    }
  }
  if (record.state !== "done" && membership.alive("student").length === 0) {
    wants.push("no student node is alive; start one with `stillhouse student`");
  }
  return wants;
}
