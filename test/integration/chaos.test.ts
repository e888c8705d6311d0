import { expect, it, vi } from "vitest";
import { chaosSpec } from "../chaos/chaosSpec.ts";
import type { FaultKind, PlannedFault } from "../chaos/faults.ts";
import { runSeed } from "../chaos/runSeed.ts";

vi.setConfig({ testTimeout: 600_000 });

const fault = (kind: FaultKind, afterMs: number): PlannedFault => ({
  kind,
  afterMs,
  lastsMs: 1_000,
  draw: 0,
});

/** `npm run chaos` does many more. */
it("a run on real processes has the calm run's weights after kills between append and answer, in a checkpoint, and of its coordinator", async () => {
  const said: string[] = [];
  const spec = chaosSpec(3);
  const calm = await runSeed(spec, [], (line) => said.push(line));
  expect(calm.problems).toEqual([]);
  const kinds = ["teacher-killed-at-append", "coordinator-killed", "student-killed-at-checkpoint"] as const;
  const end = await runSeed(
    spec,
    kinds.map((kind) => fault(kind, 500)),
    (line) => said.push(line),
  );
  expect(end.problems, said.join("\n")).toEqual([]);
  expect(end.befallen.map(({ fault }) => fault.kind)).toEqual(kinds);
  expect(end.befallen.every(({ who }) => who !== null)).toBe(true);
  expect(end.resumes).toBeGreaterThan(0);
  expect([end.hashes, end.identities]).toEqual([calm.hashes, calm.identities]);
});
