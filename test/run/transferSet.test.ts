import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planRun } from "../../coordinator/plan.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { gatherLabels } from "../../shared/data/gather.ts";
import { openDataset } from "../../shared/data/open.ts";
import { transferSet } from "../../shared/data/transferSet.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { SMALL_ROWS, smallSpec, trainedTeacher, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

const student = {
  model: { arch: "mlp" as const, hidden: [8] },
  train: { epochs: 20, batch: 32, optimizer: { kind: "adam" as const, lr: 0.02 } },
};

/** One report a spec, from one cluster. */
async function reportsOf(...specs: RunSpec[]): Promise<Report[]> {
  const reports: Report[] = [];
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1", { real: true });
    cluster.student("s1", { workers: 2 });
    for (const [i, spec] of specs.entries()) reports.push(await cluster.run(spec, `r${i + 1}`));
  });
  return reports;
}

describe("students that see no sample of class 3", () => {
  const teachers = [
    {
      name: "ada",
      model: { arch: "mlp" as const, hidden: [16] },
      train: { epochs: 40, batch: 32, optimizer: { kind: "adam" as const, lr: 0.01 } },
    },
  ];
  const all = smallSpec({ teachers, student, baseline: true }, { noise: 0.7 });
  const without = smallSpec(
    { teachers, student, baseline: true },
    { noise: 0.7, transfer: { without: [3] } },
  );
  const corrected = smallSpec(
    { teachers, student: { ...student, correctBias: [3] }, baseline: true },
    { noise: 0.7, transfer: { without: [3] } },
  );
  let reports: [Report, Report, Report];
  beforeAll(async () => {
    reports = (await reportsOf(all, without, corrected)) as [Report, Report, Report];
  });
  const ofThree = (report: Report, kind: "student" | "baseline") =>
    report.seeds[0]?.[kind]?.perClassAccuracy[3] as number;

  it("share teacher and labels with those that see all", () => {
    const [first, second] = reports;
    expect(second.teachers[0]?.identity).toBe(first.teachers[0]?.identity);
    expect(second.teachers[0]?.source).toBe("reused");
    expect(second.data.hash).toBe(first.data.hash);
    expect(second.teacherPasses).toEqual({ made: 0, saved: SMALL_ROWS });
  });

  it("take the steps that are left, as the plan says", async () => {
    const dataset = await openDataset(without.data, "");
    const left = transferSet(dataset, without.data).splits.train.length;
    const planned = planRun(without, dataset).trainings;
    expect(planned.find(({ name }) => name.startsWith("teacher"))?.stepsPerEpoch).toBe(Math.ceil(180 / 32));
    expect(planned.find(({ name }) => name.startsWith("student"))?.stepsPerEpoch).toBe(Math.ceil(left / 32));
    expect(reports[1].seeds[0]?.student.steps).toBe(20 * Math.ceil(left / 32));
    expect(reports[1].seeds[0]?.baseline?.steps).toBe(20 * Math.ceil(left / 32));
  });

  it("never say 3 on their own, and say it less than those that see all", () => {
    // Of the baseline's 50 test samples none is called 3 rightly: its bias has only ever been pushed down.
    expect(ofThree(reports[1], "baseline")).toBe(0);
    expect(ofThree(reports[1], "student")).toBeLessThan(ofThree(reports[0], "student"));
  });

  it("gain on validation by a higher bias of that class alone, and the report says by how much", () => {
    const [, plain, raised] = reports;
    expect(plain.seeds[0]?.student).not.toHaveProperty("correctedBias");
    for (const kind of ["student", "baseline"] as const) {
      const [before, after] = [plain.seeds[0]?.[kind], raised.seeds[0]?.[kind]];
      const found = after?.correctedBias;
      expect(found).toHaveLength(1);
      expect(found?.[0]?.class).toBe(3);
      // The training is the same, and its curve is of before.
      expect(after?.curve).toEqual(before?.curve);
      expect(found?.[0]?.validationAccuracy).toBeGreaterThanOrEqual(
        before?.curve.at(-1)?.validationAccuracy as number,
      );
      expect(after?.weightsHash === before?.weightsHash).toBe(found?.[0]?.added === 0);
    }
    expect(raised.seeds[0]?.student.correctedBias?.[0]?.added).toBeGreaterThan(0);
    expect(ofThree(raised, "student")).toBeGreaterThan(ofThree(plain, "student"));
  });
});

it("what hides in the splits alone is counted in the labels of validation", async () => {
  const dataset = await openDataset(smallSpec().data, "");
  expect([...gatherLabels(dataset, dataset.splits.validation)].filter((label) => label === 3)).toHaveLength(
    5,
  );
});

describe("a teacher below its gate", () => {
  const gated = (validationAccuracy: number, patch = {}) =>
    smallSpec({ teachers: [{ ...trainedTeacher("ada"), atLeast: { validationAccuracy }, ...patch }] });

  it("fails the run before anything is distilled, with both numbers; a lower gate goes on with the same weights", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1", { real: true });
      cluster.student("s1");
      await expect(cluster.run(gated(1))).rejects.toThrow(
        /teacher "ada" has a validation accuracy of [\d.]+%: atLeast\.validationAccuracy asks for 100%; train it better/,
      );
      expect((await cluster.record()).state).toBe("failed");
      expect((await cluster.labels()).size).toBe(0);
      const report = await cluster.run(gated(0.01), "r2");
      expect(report.teachers[0]?.source).toBe("reused");
    });
  });

  it("by one of its folds alone fails the run too", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1", { real: true });
      cluster.student("s1");
      await expect(cluster.run(gated(1, { crossFit: 2 }))).rejects.toThrow(/fold \d of teacher "ada" has/);
    });
  });
});
