import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sleep } from "../../shared/bus/clock.ts";
import { rng } from "../../shared/determinism/rng.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import type { AroundPrediction } from "../helpers/computes.ts";
import { type StartedTeacher, withCluster } from "../helpers/inProcessRun.ts";
import {
  SMALL_ROWS,
  SMALL_STEPS,
  smallSpec,
  trainedTeacher,
  writeTeacherFiles,
} from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

const rowsOf = (teachers: readonly StartedTeacher[]): number =>
  teachers.reduce((sum, { compute }) => sum + compute.rowsPredicted, 0);

describe("the number of teacher nodes", () => {
  const spec = smallSpec({ teachers: [trainedTeacher("ada"), trainedTeacher("bea", 1)], baseline: true });
  const reports: Report[] = [];

  it.each([1, 2, 4])("is no matter for a run: %i make each pass once", async (nodes) => {
    await withCluster(files.dir, async (cluster) => {
      const teachers = Array.from({ length: nodes }, (_, i) => cluster.teacher(`t${i}`, { real: true }));
      cluster.student("s1");
      const report = await cluster.run(spec);
      expect(rowsOf(teachers)).toBe(2 * SMALL_ROWS);
      expect(teachers.filter(({ compute }) => compute.rowsPredicted > 0)).toHaveLength(nodes);
      expect(teachers.reduce((sum, { compute }) => sum + compute.trainings, 0)).toBe(2);
      expect(report.teacherPasses).toEqual({ made: 2 * SMALL_ROWS, saved: 0 });
      const told = report.teacherNodes.map(({ node, samplesPredicted }) => [node, samplesPredicted]);
      expect(told.sort()).toEqual(teachers.map(({ name, compute }) => [name, compute.rowsPredicted]));
      expect(report.seeds[0]?.student.steps).toBe(SMALL_STEPS);
      reports.push(report);
    });
  });

  it("is no matter for the weights of student, baseline and teachers", () => {
    expect(reports).toHaveLength(3);
    expect(new Set(reports.map((report) => report.seeds[0]?.student.weightsHash)).size).toBe(1);
    expect(new Set(reports.map((report) => report.seeds[0]?.baseline?.weightsHash)).size).toBe(1);
    expect(
      new Set(reports.map((report) => report.teachers.map(({ identity }) => identity).join())).size,
    ).toBe(1);
  });
});

describe("the order in which messages arrive", () => {
  it.each([1, 2, 3, 4])("is no matter for the weights: delays drawn from seed %i", async (seed) => {
    const spec = smallSpec({ baseline: true, nodes: { studentWorkers: 2 } });
    const hashes: (string | undefined)[] = [];
    for (const random of [undefined, rng(seed, "delays")]) {
      await withCluster(
        files.dir,
        async (cluster) => {
          const teachers = [cluster.teacher("t1"), cluster.teacher("t2"), cluster.teacher("t3")];
          cluster.student("s1");
          const [first] = (await cluster.run(spec)).seeds;
          hashes.push(`${first?.student.weightsHash} ${first?.baseline?.weightsHash}`);
          expect(rowsOf(teachers)).toBe(SMALL_ROWS);
        },
        random ? { random } : {},
      );
    }
    expect(hashes[1]).toBe(hashes[0]);
  });
});

describe("a teacher node that is killed between two parts of a chunk", () => {
  // 400 classes in float32 are 1,600 bytes a row, so 327 rows fit 512 KB: a chunk of 1,000 rows has the parts
  // 327, 327, 327 and 19. Train has 2 such chunks, and the 400 test rows are a chunk of 327 and 73.
  const spec = smallSpec(
    { labels: { chunkSize: 1000, encoding: "float32" } },
    { train: 2000, test: 400, classes: 400, validation: 0.2 },
  );
  const rows = 2400;

  it("leaves the others to make what is missing, and the weights as they would have been", async () => {
    let unbroken = "";
    await withCluster(files.dir, async (cluster) => {
      const alone = cluster.teacher("alone");
      cluster.student("s1");
      unbroken = (await cluster.run(spec)).student.weightsHash;
      expect(rowsOf([alone])).toBe(rows);
    });

    await withCluster(files.dir, async (cluster) => {
      const chunkOfDeath: string[] = [];
      const around: AroundPrediction = async ({ index, rows: part }, predict) => {
        // Two chunks are at work at once: predictions 0 and 1 are their first parts, 2 and 3 their second. Of the chunk of
        // prediction 3 the first part is in the log when the node dies, and the other chunk is done.
        if (index === 3) {
          await sleep(cluster.clock, 1_000);
          chunkOfDeath.push(`${part.length}`);
          victim.kill();
        }
        return predict();
      };
      const victim = cluster.teacher("victim", { around });
      cluster.student("s1");
      const ended = cluster.coordinator(spec).ended;
      await cluster.until(() => chunkOfDeath.length > 0);
      const heir = cluster.teacher("heir");
      const report = await cluster.drive(ended);

      expect(chunkOfDeath).toEqual(["327"]);
      expect(report?.student.weightsHash).toBe(unbroken);
      // What the victim had appended is not made again.
      const writers = new Map<string, string>();
      for (const [subject, bytes] of await cluster.labels()) {
        writers.set(subject, decode(Labels, bytes, subject).node);
      }
      const byVictim = [...writers.values()].filter((node) => node === "victim").length;
      expect(byVictim).toBeGreaterThanOrEqual(2);
      expect(writers.size).toBe(4 + 4 + 2);
      expect(heir.compute.predictions).toBe(writers.size - byVictim);
      expect(rowsOf([victim, heir])).toBe(rows);
      await heir.stop();
      const ends = cluster.logged.find(({ msg, node }) => msg === "teacher node ended" && node === "heir");
      expect(ends?.redeliveries).toBe(1);
    });
  });
});

describe("the labels that the log holds before a run", () => {
  it("save passes and change no weight, be they none, some or all", async () => {
    const spec = smallSpec();
    let hash = "";
    let all = new Map<string, Uint8Array>();
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      const report = await cluster.run(spec);
      expect(report.teacherPasses).toEqual({ made: SMALL_ROWS, saved: 0 });
      hash = report.student.weightsHash;
      all = await cluster.labels();
      expect(all.size).toBe(9);
    });
    const kept = { half: [...all].filter((_, i) => i % 2 === 0), full: [...all] };
    for (const messages of Object.values(kept)) {
      const held = messages.reduce((sum, [at, bytes]) => sum + decode(Labels, bytes, at).shape[0], 0);
      await withCluster(files.dir, async (cluster) => {
        const log = await cluster.labelLog();
        for (const [subject, bytes] of messages) await log.append(subject, bytes);
        const teacher = cluster.teacher("t1");
        cluster.student("s1");
        const report = await cluster.run(spec);
        expect(report.teacherPasses).toEqual({ made: SMALL_ROWS - held, saved: held });
        expect(rowsOf([teacher])).toBe(SMALL_ROWS - held);
        expect(report.student.weightsHash).toBe(hash);
      });
    }
  });
});
