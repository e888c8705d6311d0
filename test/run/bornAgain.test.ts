import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/config/spec.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

const first: RunSpec = smallSpec({ baseline: true, seeds: [1, 2] });
const taughtBy = (...students: { run: string; seed: number; baseline?: boolean }[]): RunSpec =>
  smallSpec({ teachers: students.map((student, i) => ({ name: `before-${i + 1}`, student })) });

describe("a teacher that is a student of an earlier run", () => {
  it("teaches the next generation what it says itself", async () => {
    await withCluster(files.dir, async (cluster) => {
      const old = cluster.teacher("old");
      cluster.student("s1");
      const one = await cluster.run(first, "generation-1");
      await cluster.drive(old.stop());
      const { compute } = cluster.teacher("new", { real: true });
      const two = await cluster.run(
        taughtBy({ run: "generation-1", seed: 2 }, { run: "generation-1", seed: 1, baseline: true }),
        "generation-2",
      );
      const [teacher, control] = two.teachers;
      expect(teacher).toMatchObject({ name: "before-1", source: "student" });
      // Its labels, in half precision, are right as often as it was itself.
      expect(teacher?.accuracy).toBe(one.seeds[1]?.student.accuracy);
      expect(teacher?.parameters).toBe(one.student.parameters);
      expect(control?.accuracy).toBe(one.seeds[0]?.baseline?.accuracy);
      expect(compute.rowsPredicted).toBeGreaterThan(0);
      expect(two.seeds[0]?.student.weightsHash).not.toBe(one.seeds[0]?.student.weightsHash);
      // Another run with that student finds its labels in the log: the teacher is the same, whoever names it.
      const { rowsPredicted } = compute;
      const three = await cluster.run(taughtBy({ run: "generation-1", seed: 2 }), "generation-3");
      expect(three.teachers[0]?.identity).toBe(teacher?.identity);
      expect(three.teacherPasses.made).toBe(0);
      expect(compute.rowsPredicted).toBe(rowsPredicted);
    });
  });

  it("is refused by name when that run, or that student of it, is not there", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      await cluster.run(first, "generation-1");
      await expect(cluster.run(taughtBy({ run: "generation-9", seed: 1 }), "a")).rejects.toThrow(
        'Cannot use student-1 of run generation-9 as teacher "before-1": this store has no such run, but [',
      );
      await expect(cluster.run(taughtBy({ run: "generation-1", seed: 7 }), "b")).rejects.toThrow(
        /Cannot use student-7 of run generation-1 .* it has trained \[.*student-2/,
      );
    });
  });
});
