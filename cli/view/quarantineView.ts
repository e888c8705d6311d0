import { attemptTexts } from "../../shared/cluster/attempts.ts";
import type { Quarantined } from "../../shared/protocol/quarantine.ts";
import { parseLabelWork } from "../../shared/protocol/subjects.ts";

/** Work in quarantine for people: what it is, and a line for each try. */
export function quarantineLines(found: readonly Quarantined[]): string[] {
  if (found.length === 0) return ["nothing is in quarantine"];
  return found.flatMap(({ subject, run, node, atMs, attempts }, place) => [
    ...(place === 0 ? [] : [""]),
    ...titleLines(subject),
    `  since      ${new Date(atMs).toISOString()}, found by ${node}${run === null ? "" : ` of run ${run}`}`,
    ...attemptTexts(attempts).map((text, i) => `  ${i === 0 ? "attempts" : "        "}   ${text}`),
  ]);
}

function titleLines(subject: string): string[] {
  const work = parseLabelWork(subject);
  if (!work) return [subject];
  const { labelling, shard, view, chunk, count } = work;
  const chunks = count === 1 ? `chunk ${chunk}` : `chunks ${chunk} to ${chunk + count - 1}`;
  return [`${chunks} of shard ${shard}`, `  labelling  ${labelling}`, `  view       ${view}`];
}
