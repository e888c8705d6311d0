import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decode } from "../../shared/protocol/codec.ts";
import { CheckpointPointer } from "../../shared/protocol/jobs.ts";
import { RunRecord } from "../../shared/protocol/run.ts";
import { buckets, jobKeys, PRESENCE_TTL_MS } from "../../shared/protocol/subjects.ts";
import type { StudentWatch } from "../helpers/computes.ts";
import { type Cluster, type Started, withCluster } from "../helpers/inProcessRun.ts";
import { SMALL_CHUNKS, SMALL_ROWS, SMALL_STEPS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

// 12 steps and a checkpoint every 4: after the steps 4, 8 and 12.
const plain = smallSpec();
const spec = smallSpec({ baseline: true, student: { ...plain.student, checkpointSteps: 4 } });
let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
/** Of student and baseline of an undisturbed run. */
let hashes: (string | undefined)[] = [];

beforeAll(async () => {
  files = await writeTeacherFiles("ada");
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1");
    cluster.student("s1", { watch: { onCheckpoint: ({ job }, step) => steps.push(`${job.kind} ${step}`) } });
    const steps: string[] = [];
    const [seed] = (await cluster.run(spec)).seeds;
    hashes = [seed?.student.weightsHash, seed?.baseline?.weightsHash];
    expect(seed?.student.lineage).toEqual([{ node: "s1", fromStep: 0 }]);
    expect(steps.filter((at) => at.startsWith("student"))).toEqual(["student 4", "student 8", "student 12"]);
    expect(SMALL_STEPS).toBe(12);
  });
});
afterAll(() => files.remove());

/** Watches a student node's student, and does something after one of its checkpoints. */
function atCheckpoint(
  step: number,
  act: () => void,
): { watch: StudentWatch; resumed: boolean[]; steps: number[] } {
  const resumed: boolean[] = [];
  const steps: number[] = [];
  const watch: StudentWatch = {
    onTrain: ({ job, checkpoint }) => {
      if (job.kind === "student") resumed.push(checkpoint !== null);
    },
    onCheckpoint: ({ job }, at) => {
      if (job.kind !== "student") return;
      steps.push(at);
      if (at === step) act();
    },
  };
  return { watch, resumed, steps };
}

it("a run keeps the threads that it was started with, whoever goes on with it", async () => {
  await withCluster(files.dir, async (cluster) => {
    const threads = async (): Promise<object | undefined> => {
      const entry = await (await cluster.bus.kv(buckets.runs)).get("r1");
      return entry && decode(RunRecord, entry.value, "run record").spec.compute.threads;
    };
    const told = { ...spec, compute: { ...spec.compute, threads: { teacher: 2 } } };
    const first = cluster.coordinator(told, "r1", "first", 3);
    await cluster.until(async () => (await threads()) !== undefined);
    expect(await threads()).toEqual({ teacher: 2, student: 3 });
    first.kill();
    cluster.teacher("t1");
    cluster.student("s1");
    await cluster.drive(cluster.coordinator(told, "r1", "second", 1).ended);
    expect(await threads()).toEqual({ teacher: 2, student: 3 });
  });
});

describe("a student node that is killed after a checkpoint", () => {
  it("goes on there when it is started again, to the same weights", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      const first = atCheckpoint(8, () => victim.kill());
      const victim = cluster.student("victim", { watch: first.watch });
      const ended = cluster.coordinator(spec).ended;
      await cluster.until(() => first.steps.includes(8));
      const second = atCheckpoint(-1, () => undefined);
      cluster.student("heir", { watch: second.watch });
      const [seed] = (await cluster.drive(ended))?.seeds ?? [];
      expect([seed?.student.weightsHash, seed?.baseline?.weightsHash]).toEqual(hashes);
      expect(seed?.student.lineage).toEqual([
        { node: "victim", fromStep: 0 },
        { node: "heir", fromStep: 8 },
      ]);
      expect(first).toMatchObject({ resumed: [false], steps: [4, 8] });
      expect(second).toMatchObject({ resumed: [true], steps: [12] });
    });
  });

  it("goes on from the checkpoint before when the last one is damaged", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      const first = atCheckpoint(8, () => victim.kill());
      const victim = cluster.student("victim", { watch: first.watch });
      const ended = cluster.coordinator(spec).ended;
      await cluster.until(() => first.steps.includes(8));
      const entry = await (await cluster.bus.kv(buckets.jobs)).get(jobKeys.checkpoint("r1", "student-1"));
      const { object } = decode(CheckpointPointer, entry?.value as Uint8Array, "checkpoint");
      cluster.hub.tamperObject(buckets.checkpoints, object, (bytes) => bytes.fill(0, 100, 120));
      const second = atCheckpoint(-1, () => undefined);
      cluster.student("heir", { watch: second.watch });
      const [seed] = (await cluster.drive(ended))?.seeds ?? [];
      expect(seed?.student.weightsHash).toBe(hashes[0]);
      expect(seed?.student.lineage.map(({ fromStep }) => fromStep)).toEqual([0, 4]);
      expect(second.steps).toEqual([8, 12]);
    });
  });

  it("is followed by one that was standing by", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      const nodes = new Map<string, Started>();
      const killed: string[] = [];
      // Whichever of the two holds the lease is killed.
      const at = (name: string) =>
        atCheckpoint(4, () => {
          if (killed.length > 0) return;
          killed.push(name);
          nodes.get(name)?.kill();
        }).watch;
      for (const name of ["s1", "s2"]) nodes.set(name, cluster.student(name, { watch: at(name) }));
      const [seed] = (await cluster.run(spec)).seeds;
      expect(killed).toHaveLength(1);
      expect(seed?.student.weightsHash).toBe(hashes[0]);
      const heir = killed[0] === "s1" ? "s2" : "s1";
      expect(seed?.student.lineage).toEqual([
        { node: killed[0], fromStep: 0 },
        { node: heir, fromStep: 4 },
      ]);
    });
  });

  it("leaves no checkpoint behind once the training is done", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      await cluster.run(spec);
      expect(await (await cluster.bus.objects(buckets.checkpoints)).names()).toEqual([]);
      expect(await (await cluster.bus.kv(buckets.jobs)).keys("r1.checkpoint.*")).toEqual([]);
    });
  });
});

describe("a student node whose lease was taken from it", () => {
  it("does not fail the run when both have written a checkpoint", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      const leases = await cluster.bus.kv(buckets.leases, { ttlMs: PRESENCE_TTL_MS });
      const jobs = await cluster.bus.kv(buckets.jobs);
      const key = jobKeys.checkpoint("r1", "student-1");
      let conflicts = 0;
      // As if another node, that holds the lease now, had written between two checkpoints of this one.
      const watch: StudentWatch = {
        onCheckpoint: ({ job }, step) => {
          if (job.kind !== "student" || step !== 4 || conflicts++ > 0) return;
          void leases.delete("student.r1");
          void jobs.get(key).then((entry) => jobs.put(key, entry?.value as Uint8Array));
        },
      };
      cluster.student("s1", { watch });
      const [seed] = (await cluster.run(spec)).seeds;
      expect(conflicts).toBeGreaterThan(0);
      expect(seed?.student.weightsHash).toBe(hashes[0]);
      expect(seed?.student.lineage.map(({ fromStep }) => fromStep)).toEqual([0, 4]);
    });
  });
});

describe("a coordinator that goes in the middle of labelling", () => {
  /** Lets three chunks be labelled and no more until `release`. */
  function slowTeacher(cluster: Cluster): { rows(): number; release(): void } {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { compute } = cluster.teacher("t1", {
      around: async ({ index }, predict) => {
        if (index >= 3) await held;
        return predict();
      },
    });
    return { rows: () => compute.rowsPredicted, release: () => release() };
  }

  it.each([
    ["stopped", (coordinator: Started<unknown>) => coordinator.stop()],
    ["killed", async (coordinator: Started<unknown>) => coordinator.kill()],
  ])("is followed by another to the same end, when it is %s", async (_, end) => {
    await withCluster(files.dir, async (cluster) => {
      const teacher = slowTeacher(cluster);
      cluster.student("s1");
      const first = cluster.coordinator(spec, "r1", "first");
      await cluster.until(async () => (await cluster.labels()).size >= 3);
      const before = await cluster.record();
      expect(before.state).toBe("distilling");
      await cluster.drive(end(first));
      const second = cluster.coordinator(spec, "r1", "second");
      await cluster.clock.advance(5_000);
      const after = await cluster.record();
      expect([after.state, after.labelledAtMs]).toEqual(["distilling", null]);
      expect(after.fence).toBeGreaterThan(before.fence);
      teacher.release();
      const report = await cluster.drive(second.ended);
      expect(report?.student.weightsHash).toBe(hashes[0]);
      expect(report?.teacherPasses).toEqual({ made: SMALL_ROWS, saved: 0 });
      expect(teacher.rows()).toBe(SMALL_ROWS);
      expect((await cluster.labels()).size).toBe(SMALL_CHUNKS);
    });
  });

  it("is followed within five seconds by one that was standing by", async () => {
    await withCluster(files.dir, async (cluster) => {
      const teacher = slowTeacher(cluster);
      cluster.student("s1");
      const first = cluster.coordinator(spec, "r1", "first");
      await cluster.until(async () => (await cluster.labels()).size >= 3);
      const second = cluster.coordinator(spec, "r1", "second");
      await cluster.clock.advance(10_000);
      expect(
        cluster.logged.find(({ node, holder }) => node === "second" && holder === "first"),
      ).toBeDefined();
      const { fence } = await cluster.record();
      first.kill();
      const killedAtMs = cluster.clock.now();
      await cluster.until(async () => (await cluster.record()).fence > fence);
      // A lease lasts 3 s, and is asked for twice a second.
      expect(cluster.clock.now() - killedAtMs).toBeLessThanOrEqual(5_000);
      teacher.release();
      expect((await cluster.drive(second.ended))?.student.weightsHash).toBe(hashes[0]);
    });
  });

  it("writes no more once another holds its lease, and stands by", async () => {
    await withCluster(files.dir, async (cluster) => {
      const teacher = slowTeacher(cluster);
      cluster.student("s1");
      const first = cluster.coordinator(spec, "r1", "first");
      await cluster.until(async () => (await cluster.labels()).size >= 3);
      const { fence } = await cluster.record();
      const leases = await cluster.bus.kv(buckets.leases, { ttlMs: PRESENCE_TTL_MS });
      await leases.delete("coordinator.r1");
      const second = cluster.coordinator(spec, "r1", "second");
      const said = (node: string, text: RegExp) =>
        cluster.logged.some((line) => line.node === node && text.test(`${line.msg}`));
      await cluster.until(() =>
        said("first", /Cannot go on as first as the lease on coordinator\.r1 is lost/),
      );
      await cluster.until(() => said("first", /standing by/));
      expect((await cluster.record()).fence).toBeGreaterThan(fence);
      teacher.release();
      const [one, two] = await cluster.drive(Promise.all([first.ended, second.ended]));
      expect(two?.student.weightsHash).toBe(hashes[0]);
      // It took the lease of the run that was done, and reported it once more.
      expect(one?.seeds).toEqual(two?.seeds);
      expect((await cluster.record()).state).toBe("done");
    });
  });
});

describe("a run that is done", () => {
  it("is reported again when it is started again, and computes nothing", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      const report = await cluster.run(spec);
      await cluster.stop();
      const again = await cluster.run(spec);
      expect(again.seeds).toEqual(report.seeds);
      expect(again.testReads).toBe(1);
    });
  });

  it("is refused with another spec, which names what changed", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      await cluster.run(spec);
      await expect(cluster.run(smallSpec({ ...spec, seeds: [7] }))).rejects.toThrow(/has changed in seeds:/);
    });
  });
});
