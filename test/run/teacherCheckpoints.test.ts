import { afterAll, beforeAll, expect, it } from "vitest";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { buckets, jobKeys } from "../../shared/protocol/subjects.ts";
import type { TeacherTraining } from "../../teacher-node/compute.ts";
import { type Cluster, withCluster } from "../helpers/inProcessRun.ts";
import { smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles();
});
afterAll(() => files.remove());

/** 180 samples in batches of 32 are 6 steps an epoch, 18 in all; dropout, as masks must go on where they were. */
const spec = smallSpec({
  teachers: [
    {
      name: "cleo",
      model: { arch: "mlp", hidden: [8], dropout: 0.2 },
      train: { epochs: 3, batch: 32, optimizer: { kind: "adam", lr: 0.01 } },
    },
  ],
});

const identityOf = (report: Report | undefined) => report?.teachers[0]?.identity;

async function leftOf(cluster: Cluster): Promise<string[]> {
  return (await cluster.bus.kv(buckets.jobs)).keys(jobKeys.teacherCheckpoint("*"));
}

it("a teacher whose node dies is trained on from its last checkpoint, to the same weights", async () => {
  let undisturbed: string | undefined;
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1", { real: true });
    cluster.student("s1");
    undisturbed = identityOf(await cluster.run(spec));
  });
  await withCluster(files.dir, async (cluster) => {
    cluster.student("s1");
    const { ended } = cluster.coordinator(spec);
    let dead = false;
    const doomed = cluster.teacher("doomed", {
      real: true,
      checkpointMs: 0,
      onCheckpoint: (_, step) => {
        if (step !== 8) return;
        doomed.kill();
        dead = true;
      },
    });
    await cluster.until(() => dead);
    const steps: number[] = [];
    const tasks: TeacherTraining[] = [];
    cluster.teacher("heir", {
      real: true,
      checkpointMs: 0,
      onCheckpoint: (task, step) => {
        tasks.push(task);
        steps.push(step);
      },
    });
    const report = await cluster.drive(ended);
    expect(identityOf(report)).toBe(undisturbed);
    expect(tasks[0]?.checkpoint).not.toBeNull();
    expect(steps).toEqual([9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
    expect(await leftOf(cluster)).toEqual([]);
  });
});

it("a node that was taken for dead ends its training when another has gone on with it, and the run has its teacher", async () => {
  await withCluster(files.dir, async (cluster) => {
    cluster.student("s1");
    const { ended } = cluster.coordinator(spec);
    const starts: boolean[] = [];
    cluster.teacher("slow", {
      real: true,
      checkpointMs: 0,
      onCheckpoint: async ({ checkpoint }, step) => {
        if (step === 1 || step === 6) starts.push(checkpoint !== null);
        if (step !== 5 || checkpoint) return;
        // What another node does that was handed the work in the meantime.
        const kv = await cluster.bus.kv(buckets.jobs);
        const [key = ""] = await leftOf(cluster);
        const entry = await kv.get(key);
        await kv.put(key, entry?.value as Uint8Array);
      },
    });
    const report = await cluster.drive(ended);
    expect(report?.teachers[0]?.accuracy).toBeGreaterThan(0.25);
    const said = cluster.logged.map(({ msg }) => `${msg}`);
    expect(said.some((text) => /another node has saved a checkpoint of it since/.test(text))).toBe(true);
    // From the start, and again from the checkpoint of step 5.
    expect(starts).toEqual([false, true]);
    expect(await leftOf(cluster)).toEqual([]);
  });
});
