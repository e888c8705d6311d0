import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNumerics } from "../../shared/cluster/numerics.ts";
import { streams } from "../../shared/protocol/subjects.ts";
import { type Cluster, type StartedTeacher, withCluster } from "../helpers/inProcessRun.ts";
import { SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

const said = (cluster: Cluster, pattern: RegExp): unknown[] =>
  cluster.logged.filter(({ msg }) => pattern.test(`${msg}`));

/** A run whose first node dies before it has labelled anything, so that another has to do all. */
async function leaveToAnother(
  cluster: Cluster,
  spec: ReturnType<typeof smallSpec>,
  rounding: (logit: number, index: number) => number,
): Promise<{ ended: Promise<unknown>; other: StartedTeacher }> {
  const first = cluster.teacher("first", {
    around: () => {
      first.kill();
      return new Promise(() => undefined);
    },
  });
  cluster.student("s1");
  const { ended } = cluster.coordinator(spec);
  await cluster.until(() => first.compute.predictions > 0);
  const other = cluster.teacher("other", { rounding });
  return { ended, other };
}

/** A last bit in one of the probe's 64 rows of 4 logits, all of which lie within 6. */
const lastBit = (logit: number, index: number): number => (index === 37 ? logit * (1 + 2 ** -20) : logit);
const farOff = (logit: number, index: number): number => (index === 37 ? logit + 0.5 : logit);

describe("a node whose answers to the probe are other bits than the first's", () => {
  it("is refused, labels nothing, and the run says who, with what, how far off and what to do", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { ended, other } = await leaveToAnother(cluster, smallSpec(), lastBit);
      const waiting = /^waiting \d+ s: no teacher node serves teacher "ada"; Cannot serve as teacher "ada"/;
      await cluster.until(() => said(cluster, waiting).length > 0);
      const [{ msg }] = said(cluster, waiting) as [{ msg: string }];
      expect(msg).toMatch(
        /otherwise here than on first, .*: simulated 1, 1 thread, on .* against simulated 1, 1 thread/,
      );
      const difference = Number(/largest difference of a logit is ([\d.e-]+)/.exec(msg)?.[1]);
      expect(difference).toBeGreaterThan(0);
      expect(difference).toBeLessThan(6.1 * 2 ** -20);
      expect(msg).toMatch(/--backend.*numerics: tolerant/);
      expect(other.compute.predictions).toBe(0);

      const third = cluster.teacher("third");
      await cluster.drive(ended);
      expect(third.compute.rowsPredicted).toBe(SMALL_ROWS);
      expect(other.compute.predictions).toBe(0);
    });
  });

  it("is let in by a tolerant run, and the report says by how much it is off", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { ended, other } = await leaveToAnother(cluster, smallSpec({ numerics: "tolerant" }), lastBit);
      const report = (await cluster.drive(ended)) as Awaited<ReturnType<Cluster["run"]>>;
      expect(other.compute.rowsPredicted).toBe(SMALL_ROWS);
      const [teacher] = report.teachers;
      expect(teacher?.computers.map(({ difference }) => difference > 0)).toEqual([false, true]);
      expect(report.warnings.filter((text) => /nodes whose logits differ by up to/.test(text))).toHaveLength(
        1,
      );
    });
  });

  it("is refused by a tolerant run too where it is off by more than 1% of the largest logit", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { other } = await leaveToAnother(cluster, smallSpec({ numerics: "tolerant" }), farOff);
      await cluster.until(() => said(cluster, /no teacher node serves teacher "ada"; .*0\.500/).length > 0);
      expect(other.compute.predictions).toBe(0);
    });
  });

  it("asks again when a tolerant run follows a strict one", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { other } = await leaveToAnother(cluster, smallSpec(), lastBit);
      await cluster.until(() => said(cluster, /no teacher node serves teacher "ada"; /).length > 0);
      await cluster.failRun("r1");
      await cluster.run(smallSpec({ numerics: "tolerant" }), "r2");
      expect(other.compute.rowsPredicted).toBe(SMALL_ROWS);
    });
  });
});

describe("the probe", () => {
  it("is answered by each node and counted as nobody's pass", async () => {
    await withCluster(files.dir, async (cluster) => {
      const nodes = ["t1", "t2", "t3"].map((name) => cluster.teacher(name));
      cluster.student("s1");
      const report = await cluster.run(smallSpec());
      expect(nodes.reduce((sum, { compute }) => sum + compute.rowsPredicted, 0)).toBe(SMALL_ROWS);
      const [numerics, ...more] = await readNumerics(cluster.bus, report.teachers[0]?.labelling ?? "");
      expect(more).toEqual([]);
      expect(numerics).toMatchObject({ shape: [64, 4], tolerated: [] });
      expect(report.teachers[0]?.computers).toEqual([{ ...numerics?.computer, difference: 0 }]);
    });
  });

  it("is tried with the first node's threads before a node is refused", async () => {
    await withCluster(files.dir, async (cluster) => {
      const oneThread = cluster.teacher("one");
      cluster.student("s1");
      await cluster.run(smallSpec());
      oneThread.kill();
      await (await cluster.labelLog()).purge(streams.labels.filter);

      // Whoever loads a teacher with two threads rounds otherwise.
      const two: StartedTeacher = cluster.teacher("two", {
        rounding: (logit, index) => (two.compute.threads === 2 ? lastBit(logit, index) : logit),
      });
      await cluster.run(smallSpec({ compute: { threads: { teacher: 2 } } }), "r2");
      expect(two.compute.rowsPredicted).toBe(SMALL_ROWS);
      expect(two.compute.threads).toBe(1);
    });
  });
});
