import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { crossChecks } from "../../shared/config/crossChecks.ts";
import { renderReport } from "../../shared/evaluate/reportHtml.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { fileTeacher, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "stillhouse-alone-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const terms = [
  { kind: "cross-entropy" as const },
  { kind: "mean-teacher" as const },
  { kind: "peers" as const, exchangeSteps: 2 },
];
const written = {
  distill: { terms },
  seeds: [1, 2],
  nodes: { teachers: 1, studentWorkers: 2 },
  baseline: true,
};

it("a run without teachers needs no teacher node, and its report says that there were none", async () => {
  await withCluster(dir, async (cluster) => {
    cluster.student("s1");
    const report = await cluster.run(smallSpec({ ...written, teachers: [] }));
    expect(report).toMatchObject({ teachers: [], ensemble: null, retention: null, gapRecovered: null });
    expect(report.teacherPasses).toEqual({ made: 0, saved: 0 });
    expect(report.labelLog).toEqual({ bytes: 0, messages: 0 });
    expect(report.seeds[0]?.student.peers?.steps).toBe(8);
    expect(report.difference).not.toBeNull();
    expect((await cluster.labels()).size).toBe(0);
    const page = await renderReport(report);
    expect(page).toContain("that had no teachers");
    expect(page).toContain("none: the student has no teachers");
    expect(page).not.toMatch(/What was copied|The teachers' labels|null|undefined|NaN/);
  });
});

it("a student comes out the same whether or not a teacher is named that no term hears", async () => {
  const files = await writeTeacherFiles("ada");
  const hashes: string[][] = [];
  for (const teachers of [[], [fileTeacher("ada")]]) {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      const report = await cluster.run(smallSpec({ ...written, teachers }));
      hashes.push(report.seeds.map(({ student }) => student.weightsHash));
    });
  }
  expect(hashes[0]).toEqual(hashes[1]);
  await files.remove();
});

it("terms that learn from teachers are refused where there are none", () => {
  const problems = crossChecks(smallSpec({ teachers: [], distill: { loss: { kind: "kd" } } }));
  expect(problems).toEqual([
    {
      path: ["teachers"],
      message:
        "none, and the terms [kl] of distill learn from teachers; expected one at least, or terms that need none",
    },
  ]);
  for (const kind of ["ps-kd", "label-smoothing", "tf-kd"] as const) {
    expect(crossChecks(smallSpec({ teachers: [], distill: { loss: { kind } } }))).toEqual([]);
  }
});
