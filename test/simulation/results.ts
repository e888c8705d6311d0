import type { Simulated } from "./simulate.ts";

/** What a run of many seeds keeps of each. */
export function summaryOf({ seed, failure, struck, simulatedMs, events, traceDigest, fences }: Simulated) {
  return { seed, ok: failure === undefined, failure, struck, simulatedMs, events, traceDigest, fences };
}

export function addCounts(to: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [kind, count] of counts) to.set(kind, (to.get(kind) ?? 0) + count);
}

/** How often what happened that is not a plain request. */
const shown = [
  "kill",
  "freeze",
  "cut",
  "lose acknowledgement",
  "acknowledgement lost",
  "full",
  "lose labels",
  "lose work",
  "redelivered",
  "handed out twice",
  "append exists",
];

export function countsTable(counts: ReadonlyMap<string, number>): string {
  return shown.map((kind) => `  ${kind.padEnd(22)}${String(counts.get(kind) ?? 0).padStart(8)}`).join("\n");
}

/** All that one needs to find out why a seed failed. */
export function failureText({ seed, failure, struck, lastLines, logged, plan }: Simulated): string {
  const { faults: _, ...rates } = plan;
  return [
    `Seed ${seed} failed: ${failure}`,
    `Replay it: npm run simulate -- --seed ${seed}`,
    `Rates: ${JSON.stringify(rates)}`,
    "Faults that struck:",
    ...struck.map((line) => `  ${line}`),
    "Roles said last:",
    ...logged.map((line) => `  ${line}`),
    "The trace ends:",
    ...lastLines.map((line) => `  ${line}`),
  ].join("\n");
}
