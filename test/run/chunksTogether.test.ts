import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sleep } from "../../shared/bus/clock.ts";
import { listQuarantined } from "../../shared/cluster/quarantine.ts";
import { chunkRows } from "../../shared/data/chunks.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { streams } from "../../shared/protocol/subjects.ts";
import type { AroundPrediction } from "../helpers/computes.ts";
import { type Cluster, withCluster } from "../helpers/inProcessRun.ts";
import { SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

// 200 and 50 rows are 100 and 25 chunks: for one node 4 in an item as long as 64 are left, with 32 in flight, then 2.
const CHUNKS = 125;
const together = smallSpec({ labels: { chunkSize: 2, maxInFlight: 32 } });
const alone = smallSpec({ labels: { chunkSize: 2, maxInFlight: 2 } });
let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
let hash: string;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1");
    cluster.student("s1");
    hash = (await cluster.run(alone)).student.weightsHash;
    expect(itemsOf(cluster)).toBe(CHUNKS);
  });
});
afterAll(() => files.remove());

/** Work items that were ever queued. */
function itemsOf({ hub }: Cluster): number {
  return hub.queues.get(streams.work.name)?.stream.lastSequence ?? 0;
}

/** Whether a prediction is of a chunk of the first shard. */
async function isChunk(
  cluster: Cluster,
  chunk: number,
): Promise<(prediction: Parameters<AroundPrediction>[0]) => boolean> {
  await cluster.until(async () => (await cluster.runState()) === "distilling");
  const [shard] = (await cluster.record()).shards;
  if (!shard) throw new Error("the run has no shard");
  const [first] = chunkRows(shard.hash, shard.rows, 2, chunk);
  return ({ shard: place, rows }) => place === 0 && rows[0] === first;
}

describe("chunks that are asked for several in an item", () => {
  it("give the weights of a run that asks for each alone, by few items, each pass once", async () => {
    await withCluster(files.dir, async (cluster) => {
      const teacher = cluster.teacher("t1");
      cluster.student("s1");
      expect((await cluster.run(together)).student.weightsHash).toBe(hash);
      expect(itemsOf(cluster)).toBeLessThan(CHUNKS / 1.5);
      expect(teacher.compute.rowsPredicted).toBe(SMALL_ROWS);
      expect(teacher.compute.predictions).toBe(CHUNKS);
    });
  });

  it("are handed on one by one when a node dies in the middle of an item, and what was appended is not done again", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const { ended } = cluster.coordinator(together);
      const is = await isChunk(cluster, 6);
      let dead = false;
      const doomed = cluster.teacher("doomed", {
        around: (prediction, predict) => {
          if (!is(prediction)) return predict();
          dead = true;
          doomed.kill();
          return new Promise(() => undefined);
        },
      });
      await cluster.until(() => dead);
      const done = (await cluster.labels()).size;
      const before = itemsOf(cluster);
      const sound = cluster.teacher("sound");
      const report = await cluster.drive(ended);
      expect(report?.student.weightsHash).toBe(hash);
      expect(sound.compute.rowsPredicted).toBe(SMALL_ROWS - 2 * done);
      expect(itemsOf(cluster)).toBeGreaterThan(before + 4);
    });
  });

  it("take no other chunk of their item along into quarantine", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const { ended } = cluster.coordinator(together);
      ended.catch(() => undefined);
      const is = await isChunk(cluster, 6);
      let tries = 0;
      cluster.teacher("t1", {
        around: (prediction, predict) => {
          if (!is(prediction)) return predict();
          tries++;
          return Promise.reject(new StillhouseError("out of memory", { retry: true }));
        },
      });
      await expect(cluster.drive(ended)).rejects.toThrow(/failed as 1 of its chunks are in quarantine/);
      // Once among others, and five times alone.
      expect(tries).toBe(6);
      expect((await cluster.labels()).size).toBe(CHUNKS - 1);
      const inside = await listQuarantined(cluster.bus, [streams.work.filter], () => undefined);
      expect(inside.map(({ subject }) => subject.split(".").at(-1))).toEqual(["6"]);
    });
  });

  it("are left to others by a node that is slow, as far as it has not begun them", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const { ended } = cluster.coordinator(together);
      let slowly = 0;
      const slow = cluster.teacher("slow", {
        around: async (_, predict) => {
          slowly++;
          await sleep(cluster.clock, 25_000);
          return predict();
        },
      });
      // Two items of four are pulled at once.
      await cluster.until(() => slowly === 2);
      const fast = cluster.teacher("fast");
      expect((await cluster.drive(ended))?.student.weightsHash).toBe(hash);
      // One of each item, and two that it may have pulled after these: no eight.
      const [bySlow, byFast] = [slow.compute.rowsPredicted, fast.compute.rowsPredicted];
      expect(bySlow).toBeLessThanOrEqual(4 * 2);
      expect(bySlow + byFast).toBe(SMALL_ROWS);
    });
  });
});
