import type { Quarantined } from "../../shared/protocol/quarantine.ts";
import { parseLabelWork } from "../../shared/protocol/subjects.ts";

/** Work in quarantine for people: what it is, and a line for each try. */
export function quarantineLines(found: readonly Quarantined[]): string[] {
  if (found.length === 0) return ["nothing is in quarantine"];
  return found.flatMap(({ subject, run, node, atMs, attempts }, place) => [
    ...(place === 0 ? [] : [""]),
    ...titleLines(subject),
    `  since      ${new Date(atMs).toISOString()}, found by ${node}${run === null ? "" : ` of run ${run}`}`,
    ...attempts.map(
      ({ delivery, node, error }) =>
        `  attempt ${delivery}  ${node}: ${error ?? "no end is known: it died, hung or was cut off"}`,
    ),
    ...(attempts.some(({ delivery }) => delivery === 1)
      ? []
      : ["  attempt 1  its node told nothing of it: it died, hung or was cut off"]),
  ]);
}

function titleLines(subject: string): string[] {
  const work = parseLabelWork(subject);
  if (!work) return [subject];
  const { labelling, shard, view, chunk } = work;
  return [`chunk ${chunk} of shard ${shard}`, `  labelling  ${labelling}`, `  view       ${view}`];
}
