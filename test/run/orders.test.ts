import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { giveOrder, OrderRefused } from "../../coordinator/giveOrder.ts";
import { listRuns } from "../../coordinator/listRuns.ts";
import { drainNode } from "../../shared/cluster/drain.ts";
import type { RunOrder } from "../../shared/protocol/orders.ts";
import { buckets, jobKeys, streams } from "../../shared/protocol/subjects.ts";
import { gate } from "../helpers/gate.ts";
import { type Cluster, undisturbedHash, withCluster } from "../helpers/inProcessRun.ts";
import {
  SMALL_CHUNKS,
  SMALL_ROWS,
  smallSpec,
  trainedTeacher,
  writeTeacherFiles,
} from "../helpers/smallRun.ts";

// Each batch needs few chunks, so that a student trains while the others are held back; checkpoints at no step of its own.
const plain = smallSpec();
const spec = smallSpec({ student: { ...plain.student, shuffleChunks: 1, checkpointSteps: 1000 } });
const taught = smallSpec({ teachers: [trainedTeacher("cleo")] });
let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
let undisturbed: string;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
  undisturbed = await undisturbedHash(files.dir, spec);
});
afterAll(() => files.remove());

/** A run whose only teacher node has predicted so often, and stands still at the next. */
async function heldAfter(cluster: Cluster, predictions: number) {
  const held = gate(predictions);
  cluster.teacher("t1", { around: held.around });
  cluster.student("s1");
  const coordinator = cluster.coordinator(spec, "r1", "first");
  await cluster.until(held.waiting);
  return { held, coordinator };
}

const tell = (cluster: Cluster, order: RunOrder["order"]): Promise<string> =>
  cluster.drive(
    giveOrder(cluster.bus, cluster.clock, { run: "r1", order, who: "cli" }, new AbortController().signal),
  );

const checkpointsOf = async (cluster: Cluster): Promise<string[]> =>
  (await cluster.bus.kv(buckets.jobs)).keys(jobKeys.checkpoint("r1", "*"));

async function queued(cluster: Cluster): Promise<string[]> {
  return (await cluster.workQueue()).pending(streams.work.filter);
}

describe("a run that is paused while it distils", () => {
  it("stands still, keeps the step that its student had come to, and ends with the same weights", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { held, coordinator } = await heldAfter(cluster, 5);
      const { ended } = coordinator;
      await cluster.clock.advance(2_000);
      expect(await tell(cluster, "pause")).toBe("Run r1 is paused.");
      expect(await cluster.record()).toMatchObject({ state: "paused", pausedIn: "distilling" });
      await cluster.until(async () => (await checkpointsOf(cluster)).length === 1);
      expect(await queued(cluster)).toEqual([]);
      held.open();
      const before = (await cluster.labels()).size;
      await cluster.clock.advance(60_000);
      expect(await cluster.runState()).toBe("paused");
      // What the node had in work when it was told, two chunks at most.
      expect((await cluster.labels()).size).toBeLessThanOrEqual(before + 2);
      expect(before).toBeLessThan(SMALL_CHUNKS);

      expect(await tell(cluster, "resume")).toMatch(/^Run r1 is (distilling|evaluating)\.$/);
      const report = await cluster.drive(ended);
      expect(report?.student.weightsHash).toBe(undisturbed);
      const steps = report?.seeds[0]?.student.lineage.map(({ fromStep }) => fromStep) ?? [];
      expect(steps).toHaveLength(2);
      expect(steps[1]).toBeGreaterThan(0);
      expect(report?.teacherPasses.made).toBe(SMALL_ROWS);
    });
  });

  it("stays so when its coordinator dies, until somebody resumes it", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { held, coordinator: first } = await heldAfter(cluster, 3);
      await tell(cluster, "pause");
      held.open();
      first.kill();
      const { ended } = cluster.coordinator(spec, "r1", "second");
      await cluster.clock.advance(30_000);
      expect(await cluster.runState()).toBe("paused");
      await tell(cluster, "resume");
      expect((await cluster.drive(ended))?.student.weightsHash).toBe(undisturbed);
    });
  });
});

describe("a run that is paused while a teacher is trained", () => {
  it("goes on from the checkpoint that its node stores then, to the same teacher", async () => {
    let expected: string | undefined;
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1", { real: true });
      cluster.student("s1");
      expected = (await cluster.run(taught)).teachers[0]?.identity;
    });
    await withCluster(files.dir, async (cluster) => {
      const from: (boolean | undefined)[] = [];
      let paused = false;
      const node = cluster.teacher("t1", {
        real: true,
        checkpointMs: 0,
        onCheckpoint: async (task, step) => {
          from.push(task.checkpoint !== null);
          // The training stands still until the node has been told that nobody needs it.
          if (step === 5) while (!paused) await new Promise((resolve) => setImmediate(resolve));
        },
      });
      cluster.student("s1");
      const { ended } = cluster.coordinator(taught);
      await cluster.until(() => from.length === 5);
      await tell(cluster, "pause");
      await cluster.clock.advance(2_000);
      paused = true;
      await cluster.clock.advance(5_000);
      expect(await cluster.record()).toMatchObject({ state: "paused", pausedIn: "teaching" });
      expect(from).toEqual([false, false, false, false, false]);
      expect(await queued(cluster)).toEqual([]);

      await tell(cluster, "resume");
      const report = await cluster.drive(ended);
      expect(report?.teachers[0]?.identity).toBe(expected);
      // 12 steps: 5 before the pause, 7 of a training that began with a checkpoint.
      expect(from).toEqual([...Array(5).fill(false), ...Array(7).fill(true)]);
      expect(node.compute.trainings).toBe(2);
    });
  });
});

describe("a run that is told to stop", () => {
  it("loses all its coordinators, and goes on with the next", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { held, coordinator: first } = await heldAfter(cluster, 3);
      const standby = cluster.coordinator(spec, "r1", "standby");
      expect(await tell(cluster, "stop")).toContain("Run r1 has stopped");
      expect(await cluster.drive(first.ended)).toBeUndefined();
      expect(await cluster.drive(standby.ended)).toBeUndefined();
      expect(await cluster.runState()).toBe("distilling");
      expect(await tell(cluster, "stop")).toContain("it is stopped already");
      expect((await listRuns(cluster.bus, () => undefined))[0]).toMatchObject({ run: "r1", stopped: true });
      held.open();
      const { ended } = cluster.coordinator(spec, "r1", "second");
      expect((await cluster.drive(ended))?.student.weightsHash).toBe(undisturbed);
    });
  });
});

describe("a run that is cancelled", () => {
  it("is over: nothing of it is in the queue, no checkpoint is kept, its labels are", async () => {
    await withCluster(files.dir, async (cluster) => {
      const { held, coordinator } = await heldAfter(cluster, 5);
      const { ended } = coordinator;
      await tell(cluster, "pause");
      await cluster.until(async () => (await checkpointsOf(cluster)).length === 1);
      held.open();
      expect(await tell(cluster, "cancel")).toBe("Run r1 is cancelled.");
      await expect(cluster.drive(ended)).rejects.toThrow("Run r1 was cancelled");
      expect(await queued(cluster)).toEqual([]);
      expect(await checkpointsOf(cluster)).toEqual([]);
      expect(await (await cluster.bus.objects(buckets.checkpoints)).names()).toEqual([]);
      expect((await cluster.labels()).size).toBeGreaterThan(0);
      await expect(cluster.drive(cluster.coordinator(spec, "r1", "later").ended)).rejects.toThrow(
        "start it anew under another id",
      );
    });
  });

  it("leaves in the queue what another run waits for", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const one = cluster.coordinator(spec, "r1");
      const two = cluster.coordinator(smallSpec({ seeds: [2] }), "r2");
      await cluster.until(async () => (await queued(cluster)).length === SMALL_CHUNKS);
      await tell(cluster, "cancel");
      await expect(cluster.drive(one.ended)).rejects.toThrow("was cancelled");
      expect(await queued(cluster)).toHaveLength(SMALL_CHUNKS);
      cluster.teacher("t1");
      expect((await cluster.drive(two.ended))?.teacherPasses.made).toBe(SMALL_ROWS);
    });
  });
});

describe("a run without a coordinator", () => {
  it("is paused, resumed and cancelled all the same", async () => {
    await withCluster(files.dir, async (cluster) => {
      const first = cluster.coordinator(spec, "r1", "first");
      await cluster.until(async () => (await cluster.runState()) === "distilling");
      await first.stop();
      expect(await tell(cluster, "pause")).toContain("Run r1 is paused. It has no coordinator");
      expect(await tell(cluster, "resume")).toContain("Run r1 is distilling. It has no coordinator");
      expect(await tell(cluster, "cancel")).toBe("Run r1 is cancelled.");
    });
  });

  it("is known to have none although its lease has not run out", async () => {
    await withCluster(files.dir, async (cluster) => {
      const first = cluster.coordinator(spec, "r1", "first");
      await cluster.until(async () => (await cluster.runState()) === "distilling");
      first.kill();
      expect(await tell(cluster, "pause")).toContain("Run r1 is paused. It has no coordinator");
    });
  });
});

describe("an order that cannot be obeyed", () => {
  it("is refused, with what the run is", async () => {
    await withCluster(files.dir, async (cluster) => {
      await expect(tell(cluster, "pause")).rejects.toThrow('Cannot find run "r1": memory knows the runs []');
      cluster.teacher("t1");
      cluster.student("s1");
      await cluster.run(spec);
      await expect(tell(cluster, "cancel")).rejects.toThrow(OrderRefused);
      await expect(tell(cluster, "pause")).rejects.toThrow(
        "Cannot pause run r1 as it is done: that is for runs which are not over",
      );
      await expect(tell(cluster, "resume")).rejects.toThrow("Cannot resume run r1 as it is done");
      expect((await listRuns(cluster.bus, () => undefined))[0]).toMatchObject({
        run: "r1",
        state: "done",
        trainings: { finished: 1, of: 1 },
        teachers: { ready: 1, of: 1 },
      });
    });
  });
});

describe("a teacher node that is drained", () => {
  const drain = (cluster: Cluster, node: string): Promise<void> =>
    cluster.drive(drainNode(cluster.bus, cluster.clock, node, new AbortController().signal));

  it("finishes the chunks that it has, and ends; the others come to another node at once", async () => {
    await withCluster(files.dir, async (cluster) => {
      const held = gate(3);
      const old = cluster.teacher("old", { around: held.around });
      cluster.student("s1");
      const { ended } = cluster.coordinator(spec);
      await cluster.until(held.waiting);
      const drained = drain(cluster, "old");
      await cluster.clock.advance(3_000);
      held.open();
      await cluster.drive(drained);
      await cluster.drive(old.ended);
      // Three before, and the two that it had at its device when it was told.
      expect(old.compute.rowsPredicted).toBe(5 * 32);
      const next = cluster.teacher("next");
      expect((await cluster.drive(ended))?.student.weightsHash).toBe(undisturbed);
      expect(old.compute.rowsPredicted + next.compute.rowsPredicted).toBe(SMALL_ROWS);
    });
  });

  it("is named where it is not alive", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      await cluster.clock.advance(2_000);
      await expect(drain(cluster, "t2")).rejects.toThrow(
        'Cannot drain node "t2" as it is not alive: expected one of [t1]',
      );
    });
  });
});
