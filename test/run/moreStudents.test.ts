import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { undisturbedHash, withCluster } from "../helpers/inProcessRun.ts";
import { fileTeacher, SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada", "bea");
});
afterAll(() => files.remove());

const teachers = [fileTeacher("ada"), fileTeacher("bea")];
const { student } = smallSpec();
const narrow = { arch: "mlp" as const, hidden: [3] };
const hot = { loss: { kind: "kd", temperature: 8, alpha: 0.5 } } as const;
const longer = { ...student.train, epochs: 4, batch: 20 };

/** The same run with that student alone, whose weights are what each must have beside others. */
const alone = (patch: Parameters<typeof smallSpec>[0]): Promise<string> =>
  undisturbedHash(files.dir, smallSpec({ teachers, ...patch }));

async function reportOf(spec: RunSpec): Promise<{ report: Report; rows: number }> {
  let found: { report: Report; rows: number } | undefined;
  await withCluster(files.dir, async (cluster) => {
    const teacher = cluster.teacher("t1");
    cluster.student("s1");
    const report = await cluster.run(spec);
    found = { report, rows: teacher.compute.rowsPredicted };
  });
  if (!found) throw new Error("the run has no report");
  return found;
}

describe("several students of one run", () => {
  it("have the weights that each has in a run of its own, from one pass of each teacher", async () => {
    const { report, rows } = await reportOf(
      smallSpec({
        teachers,
        baseline: true,
        moreStudents: [
          { name: "narrow", model: narrow },
          { name: "hot", distill: hot, seeds: [1, 2] },
          { name: "longer", train: longer, distill: hot },
        ],
      }),
    );
    expect(rows).toBe(2 * SMALL_ROWS);
    expect(report.teacherPasses).toEqual({ made: 2 * SMALL_ROWS, saved: 0 });
    const more = report.moreStudents ?? [];
    expect(more.map(({ name }) => name)).toEqual(["narrow", "hot", "longer"]);
    expect([report.student, ...more.map((one) => one.student)].map(({ weightsHash }) => weightsHash)).toEqual(
      [
        await alone({}),
        await alone({ student: { ...student, model: narrow } }),
        await alone({ distill: hot }),
        await alone({ student: { ...student, train: longer }, distill: hot }),
      ],
    );
    // 5 inputs, 3 or 6 units and 4 classes: 5 x 3 + 3 + 3 x 4 + 4 = 34, and 5 x 6 + 6 + 6 x 4 + 4 = 64.
    expect([report.student, ...more.map((one) => one.student)].map(({ parameters }) => parameters)).toEqual([
      64, 34, 64, 64,
    ]);
    // 180 samples are 6 steps of 32 an epoch, and 9 of 20.
    expect(more.map(({ seeds }) => seeds.map((one) => one.student.steps))).toEqual([[12], [12, 12], [36]]);
    // Who differs by the loss alone is the same student alone: seed 1 of `hot` has that of the run's student.
    const aloneHashes = more.map(({ seeds }) => seeds.map((one) => one.baseline?.weightsHash));
    const own = report.seeds[0]?.baseline?.weightsHash;
    expect(aloneHashes[1]?.[0]).toBe(own);
    expect(new Set([own, ...aloneHashes.flat()]).size).toBe(4);
    expect(more.every((one) => one.student.latencyMs !== null)).toBe(true);
  });

  it("see each view once it is there, and let go of it once all are past it", async () => {
    const views = { count: "fresh" as const, recipe: [{ kind: "noise" as const, deviation: 0.5 }] };
    const { report } = await reportOf(
      smallSpec({
        teachers,
        views,
        student: { ...student, checkpointSteps: 4 },
        moreStudents: [{ name: "longer", train: longer }],
        nodes: { teachers: 1, studentWorkers: 2 },
      }),
    );
    const checkpoints = { checkpointSteps: 4 };
    expect([report.student.weightsHash, report.moreStudents?.[0]?.student.weightsHash]).toEqual([
      await alone({ views, student: { ...student, ...checkpoints } }),
      await alone({ views, student: { ...student, train: longer, ...checkpoints } }),
    ]);
  });

  it("go on from their own checkpoints when their node is killed", async () => {
    const spec = smallSpec({
      teachers,
      student: { ...student, checkpointSteps: 2 },
      moreStudents: [{ name: "narrow", model: narrow }],
    });
    const { report: calm } = await reportOf(spec);
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      let kill = (): void => undefined;
      const first = cluster.student("s1", {
        watch: {
          onCheckpoint: ({ job }) => {
            if (job.student === "narrow") kill();
          },
        },
      });
      kill = () => first.kill();
      const run = cluster.coordinator(spec);
      await cluster.until(() => cluster.logged.some(({ job }) => job === "student-narrow-1"));
      cluster.student("s2");
      const report = await cluster.drive(run.ended);
      const hashes = (one: Report | undefined) => [
        one?.student.weightsHash,
        one?.moreStudents?.[0]?.student.weightsHash,
      ];
      expect(hashes(report)).toEqual(hashes(calm));
      const nodes = report?.moreStudents?.[0]?.seeds[0]?.student.lineage.map(({ node }) => node);
      expect(nodes).toEqual(["s1", "s2"]);
    });
  });
});
