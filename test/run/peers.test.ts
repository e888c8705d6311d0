import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/config/spec.ts";
import { buckets, jobKeys } from "../../shared/protocol/subjects.ts";
import type { StudentWatch } from "../helpers/computes.ts";
import { type Cluster, withCluster } from "../helpers/inProcessRun.ts";
import { SMALL_STEPS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

// Three students of 12 steps, which show each other their weights after 2, 4, 6, 8 and no longer after 10, as those would
// be used from step 12 on; a checkpoint after 4, 8 and 12.
const plain = smallSpec();
const written = {
  seeds: [1, 2, 3],
  nodes: { teachers: 1, studentWorkers: 3 },
  distill: { terms: [{ kind: "cross-entropy" as const }, { kind: "peers" as const, exchangeSteps: 2 }] },
  student: { ...plain.student, checkpointSteps: 4 },
};
const spec: RunSpec = smallSpec(written);
let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
let hashes: string[] = [];

const hashesOf = (report: { seeds: { student: { weightsHash: string } }[] } | undefined): string[] =>
  (report?.seeds ?? []).map(({ student }) => student.weightsHash);

async function leftOf(cluster: Cluster): Promise<string[]> {
  const jobs = await cluster.bus.kv(buckets.jobs);
  return [
    ...(await jobs.keys(jobKeys.peers("r1"))),
    ...(await (await cluster.bus.objects(buckets.peers)).names()),
  ];
}

beforeAll(async () => {
  files = await writeTeacherFiles("ada");
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1");
    cluster.student("s1");
    const report = await cluster.run(spec);
    hashes = hashesOf(report);
    expect(SMALL_STEPS).toBe(12);
    // Heard from step 4 on: at 2 and 3 steps of age.
    for (const { student } of report.seeds)
      expect(student.peers).toEqual({ steps: 8, meanAge: 2.5, maxAge: 3 });
    expect(await leftOf(cluster)).toEqual([]);
    const told = cluster.logged.filter(({ peer }) => peer === "student-2");
    expect(told[0]?.msg).toMatch(/^student-[13] hears student-2 from step 4 on, by its weights of step 2$/);
    expect(told).toHaveLength(2 * 4);
  });
});
afterAll(() => files.remove());

describe("students of one run that learn from each other", () => {
  it("do not come out as they do without each other", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      const alone = await cluster.run(
        smallSpec({ ...written, distill: { terms: [{ kind: "cross-entropy" }] } }),
      );
      expect(new Set([...hashes, ...hashesOf(alone)]).size).toBe(6);
      expect(alone.seeds[0]?.student.peers).toBeUndefined();
    });
  });

  it.each([4, 8, 12])(
    "come to the same weights when their node is killed after a checkpoint of step %i",
    async (step) => {
      await withCluster(files.dir, async (cluster) => {
        cluster.teacher("t1");
        let killed = false;
        const watch: StudentWatch = {
          onCheckpoint: (_, at) => {
            if (at !== step || killed) return;
            killed = true;
            victim.kill();
          },
        };
        const victim = cluster.student("victim", { watch });
        const ended = cluster.coordinator(spec).ended;
        await cluster.until(() => killed);
        const resumed: boolean[] = [];
        cluster.student("heir", {
          watch: { onTrain: ({ checkpoint }) => resumed.push(checkpoint !== null) },
        });
        expect(hashesOf(await cluster.drive(ended))).toEqual(hashes);
        expect(resumed).toContain(true);
        expect(await leftOf(cluster)).toEqual([]);
      });
    },
  );

  it("come to the same weights when one of them starts again from nothing and the others had not", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      let killed = false;
      const watch: StudentWatch = {
        onCheckpoint: ({ job }, at) => {
          if (job.seed !== 1 || at !== 4 || killed) return;
          killed = true;
          victim.kill();
        },
      };
      const victim = cluster.student("victim", { watch });
      const ended = cluster.coordinator(spec).ended;
      await cluster.until(() => killed);
      await (await cluster.bus.kv(buckets.jobs)).delete(jobKeys.checkpoint("r1", "student-2"));
      cluster.student("heir");
      expect(hashesOf(await cluster.drive(ended))).toEqual(hashes);
    });
  });

  it("wait for a node that can train them all at once", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("small", { workers: 2 });
      const ended = cluster.coordinator(spec).ended;
      await cluster.until(() =>
        cluster.logged.some(({ msg }) => /Cannot train 3 students .* on small as it does 2/.test(`${msg}`)),
      );
      cluster.student("large", { workers: 3 });
      expect(hashesOf(await cluster.drive(ended))).toEqual(hashes);
    });
  });

  it("fail by name when weights that one needs are gone", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      let killed = false;
      const watch: StudentWatch = {
        onCheckpoint: (_, at) => {
          if (at !== 8 || killed) return;
          killed = true;
          victim.kill();
        },
      };
      const victim = cluster.student("victim", { watch });
      const ended = cluster.coordinator(spec).ended;
      await cluster.until(() => killed);
      const jobs = await cluster.bus.kv(buckets.jobs);
      await jobs.delete(jobKeys.checkpoint("r1", "student-2"));
      for (const seed of [1, 3]) await jobs.delete(jobKeys.peer("r1", `student-${seed}`, 2));
      cluster.student("heir");
      await expect(cluster.drive(ended)).rejects.toThrow(
        /the weights of student-[13] after step 2 were deleted/,
      );
    });
  });
});
