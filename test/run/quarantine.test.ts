import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sleep } from "../../shared/bus/clock.ts";
import { listQuarantined, releaseQuarantined } from "../../shared/cluster/quarantine.ts";
import { chunkRows } from "../../shared/data/chunks.ts";
import { StillhouseError } from "../../shared/errors.ts";
import type { Quarantined } from "../../shared/protocol/quarantine.ts";
import { labelWorkFilter, streams } from "../../shared/protocol/subjects.ts";
import type { AroundPrediction } from "../helpers/computes.ts";
import { gate } from "../helpers/gate.ts";
import { type Cluster, undisturbedHash, withCluster } from "../helpers/inProcessRun.ts";
import { SMALL_CHUNKS, SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

const spec = smallSpec();
/** The chunk over which nodes die. */
const POISON = 3;
let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
let undisturbed: string;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
  undisturbed = await undisturbedHash(files.dir, spec);
});
afterAll(() => files.remove());

/** Does something at the predictions of one chunk of the first shard. */
async function atChunk(
  cluster: Cluster,
  chunk: number,
  act: () => Promise<Float32Array>,
  others: AroundPrediction = (_, predict) => predict(),
): Promise<AroundPrediction> {
  await cluster.until(async () => (await cluster.runState()) === "distilling");
  const [shard] = (await cluster.record()).shards;
  if (!shard) throw new Error("the run has no shard");
  const { chunkSize } = (await cluster.record()).spec.labels;
  const [first] = chunkRows(shard.hash, shard.rows, chunkSize, chunk);
  return (prediction, predict) =>
    prediction.shard === 0 && prediction.rows[0] === first ? act() : others(prediction, predict);
}

const inQuarantine = (cluster: Cluster): Promise<Quarantined[]> =>
  listQuarantined(cluster.bus, [streams.work.filter], (text) => {
    throw new Error(text);
  });

/** Starts node after node, each of which dies over the chunk, until so many have. */
async function letDie(cluster: Cluster, deaths: number, others?: AroundPrediction): Promise<void> {
  for (let life = 1; life <= deaths; life++) {
    let dead = false;
    const die = (): Promise<never> => {
      dead = true;
      node.kill();
      return new Promise(() => undefined);
    };
    const around = await atChunk(cluster, POISON, die, others);
    const node = cluster.teacher(`doomed-${life}`, { around });
    await cluster.until(() => dead);
  }
}

describe("a chunk over which node after node dies", () => {
  it("is set aside with what is known of each try, and takes no other chunk along", async () => {
    // 13 and 4 chunks. Each node comes to three others at most, at 25 s each, before the chunk comes back to it.
    const long = smallSpec({ labels: { chunkSize: 16 } });
    const calm = await undisturbedHash(files.dir, long);
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const { ended } = cluster.coordinator(long);
      ended.catch(() => undefined);
      await letDie(cluster, 5, async (_, predict) => {
        await sleep(cluster.clock, 25_000);
        return predict();
      });
      const held = gate(0);
      cluster.teacher("sound", { around: held.around });
      await cluster.until(async () => (await inQuarantine(cluster)).length > 0);
      const [found, ...others] = await inQuarantine(cluster);
      expect(others).toEqual([]);
      expect(found?.subject).toMatch(new RegExp(`\\.${POISON}$`));
      // Of its first try the node that died told nothing.
      expect(found?.attempts.map(({ delivery, node, error }) => [delivery, node, error])).toEqual([
        [2, "doomed-2", null],
        [3, "doomed-3", null],
        [4, "doomed-4", null],
        [5, "doomed-5", null],
      ]);
      const labelled = (await cluster.labels()).size;
      expect(labelled).toBeGreaterThan(10);
      expect(labelled).toBeLessThan(16);
      await cluster.clock.advance(60_000);
      expect(await cluster.runState()).toBe("distilling");

      const released = releaseQuarantined(cluster.bus, cluster.clock, [streams.work.filter]);
      expect(await cluster.drive(released)).toBe(1);
      held.open();
      expect((await cluster.drive(ended))?.student.weightsHash).toBe(calm);
      expect(await inQuarantine(cluster)).toEqual([]);
    });
  });

  it("fails the run once all else is labelled; started again, the run tries it again", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const { ended } = cluster.coordinator(spec);
      ended.catch(() => undefined);
      await letDie(cluster, 5);
      const sound = cluster.teacher("sound");
      await expect(cluster.drive(ended)).rejects.toThrow(
        /failed as 1 of its chunks are in quarantine and all else is labelled: .*\.3: 1\. a node that told nothing of it; 2\. doomed-2: it died, hung or was cut off; 3\. doomed-3/,
      );
      expect((await cluster.labels()).size).toBe(SMALL_CHUNKS - 1);
      const report = await cluster.run(spec);
      expect(report.student.weightsHash).toBe(undisturbed);
      // The last run found all but the chunk.
      expect(report.teacherPasses.saved).toBe(0);
      expect(sound.compute.rowsPredicted).toBeLessThanOrEqual(SMALL_ROWS);
    });
  });

  it("is found by a coordinator that was not there when the queue gave it up", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const first = cluster.coordinator(spec, "r1", "first");
      await letDie(cluster, 5);
      first.kill();
      // A pull meets the message again, which tells those who listen then.
      const consumer = await (await cluster.workQueue()).consumer({
        name: `label-${(await cluster.record()).teachers[0]?.ready?.labelling}`,
        filter: labelWorkFilter((await cluster.record()).teachers[0]?.ready?.labelling ?? ""),
        ackWaitMs: 10_000,
        maxDeliver: 5,
      });
      await cluster.clock.advance(11_000);
      for (const item of await cluster.drive(consumer.pull(20, 100))) item.nak();
      const { ended } = cluster.coordinator(spec, "r1", "second");
      ended.catch(() => undefined);
      cluster.teacher("sound");
      await expect(cluster.drive(ended)).rejects.toThrow("failed as 1 of its chunks are in quarantine");
    });
  });
});

describe("a chunk at which a node fails again and again with what may pass", () => {
  it("is in quarantine with each error, and the run does not ask for it again", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const { ended } = cluster.coordinator(spec);
      ended.catch(() => undefined);
      let tries = 0;
      cluster.teacher("t1", {
        around: await atChunk(cluster, POISON, () => {
          tries++;
          return Promise.reject(new StillhouseError(`out of memory, try ${tries}`, { retry: true }));
        }),
      });
      await expect(cluster.drive(ended)).rejects.toThrow(
        "1. t1: out of memory, try 1; 2. t1: out of memory, try 2; 3. t1: out of memory, try 3; 4. t1: out of memory, try 4; 5. t1: out of memory, try 5",
      );
      expect(tries).toBe(5);
      expect((await cluster.labels()).size).toBe(SMALL_CHUNKS - 1);
    });
  });
});

it("a training over which node after node dies fails the run, which names them", async () => {
  await withCluster(files.dir, async (cluster) => {
    cluster.student("s1");
    // 36 steps, more than there are tries.
    const train = { epochs: 6, batch: 32 };
    const taught = smallSpec({ teachers: [{ name: "cleo", model: { arch: "mlp", hidden: [8] }, train }] });
    const { ended } = cluster.coordinator(taught);
    let over = false;
    ended.catch(() => {
      over = true;
    });
    for (let life = 1; !over; life++) {
      let dead = false;
      const node = cluster.teacher(`doomed-${life}`, {
        real: true,
        checkpointMs: 0,
        onCheckpoint: () => {
          dead = true;
          node.kill();
        },
      });
      await cluster.until(() => dead || over);
      if (over) await node.stop();
    }
    // Handed out 20 times; each node had come one step further, as a checkpoint was stored before it died.
    await expect(ended).rejects.toThrow(
      /no teacher node came to the end of stillhouse\.work\.train\..*: 1\. a node that told nothing of it; 2\. doomed-2: it died, hung or was cut off; .*; 20\. doomed-20: /,
    );
  });
});
