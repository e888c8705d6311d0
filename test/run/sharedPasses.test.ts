import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/config/spec.ts";
import { parseLabelsSubject } from "../../shared/protocol/subjects.ts";
import { bytesIdx, folderOf } from "../data/idxFiles.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { fileTeacher, SMALL_CHUNKS, SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada", "bea");
});
afterAll(() => files.remove());

const twoTeachers = { teachers: [fileTeacher("ada"), fileTeacher("bea")] };

/** Runs `first`, then `second` with a fresh teacher node; what the second run cost. */
async function after(first: RunSpec, second: RunSpec): Promise<{ made: number; saved: number; own: number }> {
  let cost = { made: -1, saved: -1, own: -1 };
  await withCluster(files.dir, async (cluster) => {
    cluster.student("s1");
    const before = cluster.teacher("before");
    await cluster.run(first, "first");
    expect(before.compute.rowsPredicted).toBe(SMALL_ROWS * first.teachers.length);
    await before.stop();
    const fresh = cluster.teacher("fresh");
    const { teacherPasses, teacherNodes } = await cluster.run(second, "second");
    cost = { ...teacherPasses, own: fresh.compute.rowsPredicted };
    // The first node is gone: what is told of the nodes is told of the second run's.
    const told = teacherNodes.filter(({ node }) => node === "fresh");
    expect(told.map(({ samplesPredicted }) => samplesPredicted)).toEqual([cost.own]);
  });
  return cost;
}

describe("a second run makes no pass again", () => {
  const first = smallSpec(twoTeachers);
  const shared = { made: 0, saved: 2 * SMALL_ROWS, own: 0 };
  const train = { epochs: 1, batch: 16 };

  it.each([
    ["its seed and its students' seeds", smallSpec({ ...twoTeachers, seed: 9, seeds: [5, 6] })],
    [
      "the student",
      smallSpec({ ...twoTeachers, student: { model: { arch: "mlp", hidden: [3, 3] }, train } }),
    ],
    [
      "the rule of the ensemble",
      smallSpec({ ...twoTeachers, ensemble: { rule: "geometric", weights: [1, 3] } }),
    ],
    [
      "the loss",
      smallSpec({ ...twoTeachers, distill: { loss: { kind: "kd", temperature: 2, alpha: 0.5 } } }),
    ],
    ["the split", smallSpec(twoTeachers, { validation: 0.3 })],
    ["the labels that are visible", smallSpec(twoTeachers, { labelled: 40 })],
  ])("when it differs in %s", async (_, second) => {
    expect(await after(first, second)).toEqual(shared);
  });

  it("for a subset of the data, or for one of the teachers", async () => {
    // 40 of 200 rows, of which 36 are train and 4 validation, are in at most 7 of the train chunks; test is whole.
    const subset = await after(first, smallSpec(twoTeachers, { limit: 40 }));
    expect([subset.made, subset.own]).toEqual([0, 0]);
    expect(subset.saved).toBeLessThanOrEqual(2 * SMALL_ROWS);
    const one = await after(first, smallSpec({ teachers: [fileTeacher("bea")] }));
    expect(one).toEqual({ made: 0, saved: SMALL_ROWS, own: 0 });
  });

  it("but those of a teacher that was added", async () => {
    const one = smallSpec({ teachers: [fileTeacher("bea")] });
    expect(await after(one, first)).toEqual({ made: SMALL_ROWS, saved: SMALL_ROWS, own: SMALL_ROWS });
  });
});

describe("a second run makes passes of its own, and reads no others,", () => {
  it.each([
    ["chunk size", smallSpec({ labels: { chunkSize: 50 } }), 4 + 1],
    ["encoding", smallSpec({ labels: { chunkSize: 32, encoding: "float32" } }), SMALL_CHUNKS],
  ])("when it differs in %s", async (_, second, chunks) => {
    let alone = "";
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      alone = (await cluster.run(second)).student.weightsHash;
    });
    await withCluster(files.dir, async (cluster) => {
      const teacher = cluster.teacher("t1");
      cluster.student("s1");
      const first = await cluster.run(smallSpec(), "first");
      const report = await cluster.run(second, "second");
      expect(report.teacherPasses).toEqual({ made: SMALL_ROWS, saved: 0 });
      expect(teacher.compute.rowsPredicted).toBe(2 * SMALL_ROWS);
      expect(report.teachers[0]?.identity).toBe(first.teachers[0]?.identity);
      expect(report.student.weightsHash).toBe(alone);
      const labellings = [...(await cluster.labels()).keys()].map((s) => parseLabelsSubject(s).labelling);
      const of = (labelling?: string) => labellings.filter((other) => other === labelling).length;
      expect(of(first.teachers[0]?.labelling)).toBe(SMALL_CHUNKS);
      expect(of(report.teachers[0]?.labelling)).toBe(chunks);
    });
  });
});

describe("one run makes a pass once", () => {
  it("when two of its teachers are the same model", async () => {
    await withCluster(files.dir, async (cluster) => {
      const teacher = cluster.teacher("t1");
      cluster.student("s1");
      const twin = { ...fileTeacher("ada"), name: "twin" };
      const both = await cluster.run(smallSpec({ teachers: [fileTeacher("ada"), twin] }), "both");
      expect(both.teacherPasses).toEqual({ made: SMALL_ROWS, saved: 0 });
      expect(teacher.compute.rowsPredicted).toBe(SMALL_ROWS);
      // The mean of two equal teachers is the teacher: (p + p) / 2 is exact in binary.
      const alone = await cluster.run(smallSpec(), "alone");
      expect(both.ensemble?.accuracy).toBe(alone.ensemble?.accuracy);
    });
  });

  it("when its test rows are its training rows again", async () => {
    const rows = 40;
    const bytes = (n: number) => Array.from({ length: n }, (_, i) => (i * 37) % 256);
    const labels = Array.from({ length: rows }, (_, i) => i % 4);
    const folder = await folderOf({
      inputs: bytesIdx([rows, 3], bytes(rows * 3)),
      labels: bytesIdx([rows], labels),
      "ada.json": await readFile(join(files.dir, "ada.json")),
      "ada.bin": await readFile(join(files.dir, "ada.bin")),
    });
    await withCluster(folder.dir, async (cluster) => {
      const teacher = cluster.teacher("t1");
      cluster.student("s1");
      const same = { inputs: "inputs", labels: "labels" };
      const report = await cluster.run(
        smallSpec({ data: { format: "idx", train: same, test: same, classes: 4 } }),
      );
      expect(report.data.samples.test).toBe(rows);
      expect(report.teacherPasses).toEqual({ made: rows, saved: 0 });
      expect(teacher.compute.rowsPredicted).toBe(rows);
    });
    await folder.remove();
  });
});

describe("two runs at once", () => {
  it("make the passes that they share once, and end as they would alone", async () => {
    const specs = {
      one: smallSpec(twoTeachers),
      two: smallSpec({ teachers: [fileTeacher("ada")], seeds: [4] }),
    };
    const alone: Record<string, string> = {};
    for (const [run, spec] of Object.entries(specs)) {
      await withCluster(files.dir, async (cluster) => {
        cluster.teacher("t1");
        cluster.student("s1");
        alone[run] = (await cluster.run(spec, run)).student.weightsHash;
      });
    }
    await withCluster(files.dir, async (cluster) => {
      const teachers = [cluster.teacher("t1"), cluster.teacher("t2")];
      cluster.student("s1");
      cluster.student("s2");
      const runs = Object.entries(specs).map(([run, spec]) => cluster.coordinator(spec, run));
      const [one, two] = await cluster.drive(Promise.all(runs.map(({ ended }) => ended)));
      expect(one?.student.weightsHash).toBe(alone.one);
      expect(two?.student.weightsHash).toBe(alone.two);
      const rows = teachers.map(({ compute }) => compute.rowsPredicted);
      expect(rows.reduce((a, b) => a + b, 0)).toBe(2 * SMALL_ROWS);
    });
  });

  it("may share a teacher and differ in their data", async () => {
    const specs = { one: smallSpec(), two: smallSpec({}, { seed: 8 }) };
    await withCluster(files.dir, async (cluster) => {
      const teacher = cluster.teacher("t1");
      cluster.student("s1");
      const runs = Object.entries(specs).map(([run, spec]) => cluster.coordinator(spec, run));
      const [one, two] = await cluster.drive(Promise.all(runs.map(({ ended }) => ended)));
      expect(one?.teachers[0]?.labelling).toBe(two?.teachers[0]?.labelling);
      expect(one?.data.hash).not.toBe(two?.data.hash);
      expect(cluster.logged.filter(({ msg }) => /^Cannot label/.test(`${msg}`))).toEqual([]);
      expect(teacher.compute.rowsPredicted).toBe(2 * SMALL_ROWS);
    });
  });

  it("may follow on each other while the first still computes, with a teacher that both use", async () => {
    await withCluster(files.dir, async (cluster) => {
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      let waits = 0;
      const teacher = cluster.teacher("t1", {
        around: async ({ index }, predict) => {
          if (index === 2) {
            waits++;
            await held;
          }
          return predict();
        },
      });
      cluster.student("s1");
      const first = cluster.coordinator(smallSpec(), "first");
      await cluster.until(() => waits > 0);
      // The first run fails while the teacher computes for it.
      await cluster.failRun("first");
      await expect(cluster.drive(first.ended)).rejects.toThrow("told to fail");
      const second = cluster.coordinator(smallSpec({ seeds: [2] }), "second");
      await cluster.until(async () => (await cluster.runState("second")) === "distilling");
      await cluster.clock.advance(5_000);
      release();
      const report = await cluster.drive(second.ended);
      expect(report?.teacherPasses.made).toBeGreaterThan(0);
      expect(teacher.compute.rowsPredicted).toBe(SMALL_ROWS);
    });
  });
});
