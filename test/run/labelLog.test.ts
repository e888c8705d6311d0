import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sleep } from "../../shared/bus/clock.ts";
import { decode, encode } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { buckets, jobKeys, streams } from "../../shared/protocol/subjects.ts";
import { type Cluster, withCluster } from "../helpers/inProcessRun.ts";
import { SMALL_CHUNKS, SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

const spec = smallSpec();
let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
/** Of an undisturbed run. */
let hash = "";
let labels = new Map<string, Uint8Array>();

beforeAll(async () => {
  files = await writeTeacherFiles("ada");
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1");
    cluster.student("s1");
    hash = (await cluster.run(spec)).student.weightsHash;
    labels = await cluster.labels();
    expect(labels.size).toBe(SMALL_CHUNKS);
  });
});
afterAll(() => files.remove());

describe("a second answer with other bits", () => {
  it("changes nothing when it comes from elsewhere", async () => {
    await withCluster(files.dir, async (cluster) => {
      const log = await cluster.labelLog();
      const answers: string[] = [];
      const stop = new AbortController();
      const forging = (async () => {
        for await (const { subject, data } of log.read(streams.labels.filter, stop.signal)) {
          const labels = decode(Labels, data, subject);
          const payload = labels.payload.map((byte) => byte ^ 1);
          answers.push(await log.append(subject, encode(Labels, { ...labels, payload, node: "forger" })));
        }
      })();
      cluster.teacher("t1");
      cluster.student("s1");
      const report = await cluster.run(spec);
      stop.abort();
      await forging;
      expect(answers).toEqual(new Array(SMALL_CHUNKS).fill("exists"));
      expect(report.student.weightsHash).toBe(hash);
      for (const [subject, bytes] of await cluster.labels()) {
        expect(decode(Labels, bytes, subject).payload).toEqual(
          decode(Labels, labels.get(subject) as Uint8Array, subject).payload,
        );
      }
    });
  });

  it("changes nothing when it comes late from a node that had hung", async () => {
    await withCluster(files.dir, async (cluster) => {
      let answered = 0;
      const late = cluster.teacher("late", {
        around: async (_, predict) => {
          // Its hold on the work ends after 120 s without a result; 10 s later the work is another's.
          await sleep(cluster.clock, 200_000);
          answered++;
          return (await predict()).map((logit) => logit / 2);
        },
      });
      const ended = cluster.coordinator(spec).ended;
      await cluster.until(() => late.compute.predictions === 2);
      const other = cluster.teacher("other");
      await cluster.until(() => answered === 2);
      // Only now is there somebody who would train on them.
      cluster.student("s1");
      const report = await cluster.drive(ended);
      expect(other.compute.rowsPredicted).toBe(SMALL_ROWS);
      expect(late.compute.rowsPredicted).toBe(2 * 32);
      expect(report?.student.weightsHash).toBe(hash);
      for (const [subject, bytes] of await cluster.labels()) {
        expect(decode(Labels, bytes, subject).node).toBe("other");
      }
    });
  });
});

describe("work that is lost", () => {
  it("is queued again, as the log says what is missing", async () => {
    await withCluster(files.dir, async (cluster) => {
      const queue = await cluster.workQueue();
      cluster.student("s1");
      const ended = cluster.coordinator(spec).ended;
      const pending = () => queue.pending(streams.work.filter);
      await cluster.until(async () => (await pending()).length === SMALL_CHUNKS);
      expect(await queue.purge(streams.work.filter)).toBe(SMALL_CHUNKS);
      expect(await pending()).toEqual([]);
      const teacher = cluster.teacher("t1");
      const report = await cluster.drive(ended);
      expect(report?.student.weightsHash).toBe(hash);
      expect(teacher.compute.rowsPredicted).toBe(SMALL_ROWS);
    });
  });

  it("is not queued again while it is at work", async () => {
    await withCluster(files.dir, async (cluster) => {
      const slow = {
        around: async (_: unknown, predict: () => Promise<Float32Array>) => {
          await sleep(cluster.clock, 25_000);
          return predict();
        },
      };
      const teachers = [cluster.teacher("t1", slow), cluster.teacher("t2", slow)];
      cluster.student("s1");
      const report = await cluster.run(spec);
      expect(report.student.weightsHash).toBe(hash);
      expect(teachers.reduce((sum, { compute }) => sum + compute.rowsPredicted, 0)).toBe(SMALL_ROWS);
    });
  });

  it("fails the run when node after node dies over it, and is done once that is mended", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const ended = cluster.coordinator(spec).ended;
      let deaths = 0;
      let failed = false;
      ended.catch(() => {
        failed = true;
      });
      while (!failed) {
        const doomed = cluster.teacher(`doomed-${deaths + 1}`, {
          around: () => {
            deaths++;
            doomed.kill();
            return new Promise(() => undefined);
          },
        });
        const before = deaths;
        await cluster.until(() => failed || deaths > before);
        if (failed) await doomed.stop();
      }
      await expect(ended).rejects.toThrow(/of its chunks are in quarantine and all else is labelled/);
      expect((await cluster.record()).state).toBe("failed");
      expect((await cluster.labels()).size).toBe(0);

      cluster.teacher("sound");
      expect((await cluster.run(spec)).student.weightsHash).toBe(hash);
    });
  });
});

describe("a message of the label log that is not what its subject promises", () => {
  const changed = (change: (labels: Labels) => Partial<Labels>) => (bytes: Uint8Array, subject: string) => {
    const labels = decode(Labels, bytes, subject);
    return encode(Labels, { ...labels, ...change(labels) });
  };
  const other = "0".repeat(32);
  const notFinite = (payload: Uint8Array): Uint8Array => {
    // Row 3, class 2 of 4, two bytes a class: exponent all ones and a fraction are no number.
    const copy = payload.slice();
    copy.set([0x01, 0x7e], (3 * 4 + 2) * 2);
    return copy;
  };

  it.each<[string, (bytes: Uint8Array, subject: string) => Uint8Array, RegExp]>([
    [
      "half a message",
      (bytes) => bytes.slice(0, 20),
      /labels at .*\.0\.0 as it is not MessagePack: 20 bytes/,
    ],
    ["no labels", () => Uint8Array.of(0x80), /labels at .*breaks its schema: type:/],
    ["other rows", changed(() => ({ rowsDigest: other })), /rowsDigest must be [0-9a-f]{32}: it is 0{32}/],
    ["another shape", changed(() => ({ shape: [64, 2] })), /shape must be 32,4: it is 64,2/],
    [
      "another labelling",
      changed(() => ({ labelling: other })),
      /labelling must be [0-9a-f]{32}: it is 0{32}/,
    ],
    ["another shard", changed(() => ({ shard: other })), /shard must be [0-9a-f]{32}: it is 0{32}/],
    ["another view", changed(() => ({ view: other })), /view must be [0-9a-f]{32}: it is 0{32}/],
    ["another chunk", changed(() => ({ chunk: 1 })), /chunk must be 0: it is 1/],
    ["another part", changed(() => ({ part: 1 })), /part must be 0: it is 1/],
    ["another encoding", changed(() => ({ encoding: "float32" })), /encoding must be half: it is float32/],
    [
      "fewer classes",
      changed(() => ({ encoding: { kind: "top-k", k: 2, temperatures: [1, 4] } })),
      /encoding must be half: it is top-k 2 at T 1, 4/,
    ],
    [
      "too few bytes",
      changed(({ payload }) => ({ payload: payload.slice(2) })),
      /bytes must be 256: it is 254/,
    ],
    [
      "no numbers",
      changed(({ payload }) => ({ payload: notFinite(payload) })),
      /row 3 class 2 is not finite/,
    ],
  ])("fails the run, untrained, when it holds %s", async (_, forge, message) => {
    const [subject, bytes] = firstChunk();
    await withCluster(files.dir, async (cluster) => {
      await (await cluster.labelLog()).append(subject, forge(bytes, subject));
      await expectFailure(cluster, message);
    });
  });

  it.each<[string, (subject: string) => string, RegExp]>([
    [
      "is of a part that the chunk has not",
      (s) => s.replace(/0$/, "7"),
      /this chunk has 1 parts: it is part 7/,
    ],
    ["is no number", (s) => s.replace(/0$/, "x"), /Cannot read "stillhouse\.labels\..*\.x" as a subject/],
    [
      "is another way to write one",
      (s) => s.replace(/0$/, "00"),
      /Cannot read "stillhouse\.labels\..*\.00" as a/,
    ],
    ["names another block", (s) => s.replace(/0\.0\.0$/, "5.0.0"), /Cannot read ".*\.5\.0\.0" as a subject/],
  ])("fails the run when its subject %s", async (_, forge, message) => {
    const [subject, bytes] = firstChunk();
    await withCluster(files.dir, async (cluster) => {
      await (await cluster.labelLog()).append(forge(subject), bytes);
      await expectFailure(cluster, message);
    });
  });

  it("fails the run also when a student comes late", async () => {
    const [subject, bytes] = firstChunk();
    await withCluster(files.dir, async (cluster) => {
      await (await cluster.labelLog()).append(subject, bytes.slice(0, 20));
      cluster.teacher("t1");
      const ended = cluster.coordinator(spec).ended;
      await cluster.until(async () => (await cluster.labels()).size === SMALL_CHUNKS);
      cluster.student("s1");
      await expect(cluster.drive(ended)).rejects.toThrow("is not MessagePack");
    });
  });

  function firstChunk(): [string, Uint8Array] {
    const [found] = [...labels].filter(([, bytes]) => decode(Labels, bytes, "").shape[0] === 32);
    const subject = [...labels.keys()].find((s) => s.endsWith(".0.0.0") && labels.get(s) === found?.[1]);
    return [subject as string, found?.[1] as Uint8Array];
  }

  async function expectFailure(cluster: Cluster, message: RegExp): Promise<void> {
    let steps = 0;
    cluster.teacher("t1");
    cluster.student("s1", { watch: { onCheckpoint: () => steps++ } });
    await expect(
      cluster.run(smallSpec({ student: { ...spec.student, checkpointSteps: 1 } })),
    ).rejects.toThrow(message);
    const record = await cluster.record();
    expect(record.state).toBe("failed");
    expect(record.error).toMatch(message);
    expect(steps).toBe(0);
    const jobs = await cluster.bus.kv(buckets.jobs);
    expect(await jobs.keys(jobKeys.results("r1"))).toEqual([]);
  }
});
