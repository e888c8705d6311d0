import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encode } from "../../shared/protocol/codec.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import {
  buckets,
  jobKeys,
  labelWorkSubject,
  streams,
  trainWorkSubject,
} from "../../shared/protocol/subjects.ts";
import { LabelChunks } from "../../shared/protocol/work.ts";
import { bytesIdx, folderOf } from "../data/idxFiles.ts";
import type { AroundPrediction } from "../helpers/computes.ts";
import { type Cluster, withCluster } from "../helpers/inProcessRun.ts";
import {
  fileTeacher,
  SMALL_CHUNKS,
  SMALL_ROWS,
  smallSpec,
  trainedTeacher,
  writeTeacherFiles,
} from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

async function expectFailed(cluster: Cluster, message: RegExp, run = "r1"): Promise<void> {
  const record = await cluster.record(run);
  expect(record.state).toBe("failed");
  expect(record.error).toMatch(message);
  const jobs = await cluster.bus.kv(buckets.jobs);
  expect(await jobs.keys(jobKeys.results(run))).toEqual([]);
}

describe("a teacher that says no number", () => {
  /** Row 5, class 2 of 4 of the first part becomes `value` as long as `ill` says so. */
  const sick =
    (value: number, ill: () => boolean = () => true): AroundPrediction =>
    async ({ index }, predict) => {
      const logits = await predict();
      if (index === 0 && ill()) logits[5 * 4 + 2] = value;
      return logits;
    };

  it.each([
    [Number.NaN, /Cannot label chunk 0 with teacher "ada" as row 5 class 2 is NaN: expected a finite logit/],
    [Number.POSITIVE_INFINITY, /row 5 class 2 is Infinity: expected a finite logit/],
    [
      70000,
      /row 5 class 2 is 70000: expected a finite logit within ±65504 \(or set labels\.encoding: float32\)/,
    ],
  ])("but %d fails the run, and nothing is trained on it", async (value, message) => {
    await withCluster(files.dir, async (cluster) => {
      let steps = 0;
      cluster.teacher("t1", { around: sick(value) });
      cluster.student("s1", { watch: { onCheckpoint: () => steps++ } });
      const { student } = smallSpec();
      const spec = smallSpec({ student: { ...student, checkpointSteps: 1 } });
      await expect(cluster.run(spec)).rejects.toThrow(message);
      await expectFailed(cluster, message);
      expect(steps).toBe(0);
      expect((await cluster.labels()).size).toBeLessThan(SMALL_CHUNKS);
    });
  });

  it("once fails one run, and neither the same run nor a new one after it was mended", async () => {
    await withCluster(files.dir, async (cluster) => {
      let ill = true;
      const first = cluster.teacher("t1", { around: sick(Number.NaN, () => ill) });
      cluster.student("s1");
      await expect(cluster.run(smallSpec())).rejects.toThrow("is NaN");
      await first.stop();
      ill = false;
      cluster.teacher("t2");
      const again = await cluster.run(smallSpec());
      expect(again.teacherPasses.made).toBe(SMALL_ROWS);
      expect((await cluster.record()).error).toBeNull();
    });
    await withCluster(files.dir, async (cluster) => {
      const first = cluster.teacher("t1", { around: sick(Number.NaN) });
      cluster.student("s1");
      await expect(cluster.run(smallSpec(), "old")).rejects.toThrow("is NaN");
      await first.stop();
      const second = cluster.teacher("t1-again", { around: sick(Number.NaN) });
      await expect(cluster.run(smallSpec({ seeds: [3] }), "as-ill")).rejects.toThrow(
        /Run as-ill failed at node t1-again: .* is NaN/,
      );
      await second.stop();
      cluster.teacher("t2");
      const report = await cluster.run(smallSpec({ seeds: [2] }), "new");
      expect(report.teacherPasses.made + report.teacherPasses.saved).toBe(SMALL_ROWS);
    });
  });
});

describe("a teacher that does not fit", () => {
  it("by its number of classes fails the run, which names it and both numbers", async () => {
    const seven = tf.sequential({ layers: [tf.layers.dense({ units: 7, inputShape: [5] })] });
    await seven.save(
      tf.io.withSaveHandler(async ({ modelTopology, weightSpecs = [], weightData }) => {
        const weightsManifest = [{ paths: ["seven.bin"], weights: weightSpecs }];
        const json = JSON.stringify({ format: "layers-model", modelTopology, weightsManifest });
        await writeFile(join(files.dir, "seven.json"), json);
        await writeFile(join(files.dir, "seven.bin"), new Uint8Array(weightData as ArrayBuffer));
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
      }),
    );
    seven.dispose();
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1", { real: true });
      cluster.student("s1");
      const spec = smallSpec({ teachers: [fileTeacher("seven")] }, { classes: 10 });
      const message = /Cannot use teacher "seven" as the data has 10 classes: its output has 7/;
      await expect(cluster.run(spec)).rejects.toThrow(message);
      await expectFailed(cluster, message);
    });
  });

  it("because its file is missing or is no model is refused, with the path as written", async () => {
    await writeFile(join(files.dir, "broken.json"), "{}");
    await withCluster(files.dir, async (cluster) => {
      const missing = cluster.run(smallSpec({ teachers: [fileTeacher("nobody")] }));
      await expect(missing).rejects.toThrow(/Cannot load model file "nobody\.json": nothing can be read at /);
      const broken = cluster.run(smallSpec({ teachers: [fileTeacher("broken")] }), "r2");
      await expect(broken).rejects.toThrow(/Cannot load model "broken\.json" as it is not the model\.json/);
    });
  });
});

describe("a work item", () => {
  const other = "0".repeat(32);

  /** A run that has queued its work and waits for a teacher node. */
  async function waitingRun(cluster: Cluster): Promise<{ ended: Promise<unknown>; key: LabelChunks }> {
    cluster.student("s1");
    const { ended } = cluster.coordinator(smallSpec());
    const queue = await cluster.workQueue();
    await cluster.until(async () => (await queue.pending(streams.work.filter)).length === SMALL_CHUNKS);
    const { teachers, shards } = await cluster.record();
    const labelling = teachers[0]?.ready?.labelling ?? "";
    return {
      ended,
      key: {
        type: "label-chunks",
        labelling,
        shard: shards[0]?.hash ?? "",
        view: PLAIN_VIEW,
        chunk: 99,
        count: 1,
      },
    };
  }

  it.each<[string, (key: LabelChunks) => Uint8Array, RegExp]>([
    [
      "is no message",
      () => Uint8Array.of(0x82),
      /Cannot read work item stillhouse\.work\.label\..*\.99 as it is not/,
    ],
    [
      "breaks its schema",
      () => Uint8Array.of(0x80),
      /Cannot use work item .*\.99 as it breaks its schema: type:/,
    ],
    [
      "asks for a chunk beyond the last",
      (key) => encode(LabelChunks, key),
      /chunk 99: shard \w+ has 7 chunks/,
    ],
    [
      "asks for another labelling than its subject",
      (key) => encode(LabelChunks, { ...key, labelling: other }),
      /must be under the subject of what it asks for: that is stillhouse\.work\.label\.0{32}\./,
    ],
    [
      "asks for another view than its subject",
      (key) => encode(LabelChunks, { ...key, view: other }),
      /must be under the subject of what it asks for/,
    ],
  ])("that %s fails the run and leaves no label", async (_, forge, message) => {
    await withCluster(files.dir, async (cluster) => {
      const { ended, key } = await waitingRun(cluster);
      const queue = await cluster.workQueue();
      await queue.purge(streams.work.filter);
      expect(await queue.publish(labelWorkSubject(key), forge(key))).toBe("queued");
      const teacher = cluster.teacher("t1");
      await expect(cluster.drive(ended)).rejects.toThrow(message);
      await expectFailed(cluster, message);
      expect((await cluster.labels()).size).toBe(0);
      expect(teacher.compute.predictions).toBe(0);
      expect(await queue.pending(streams.work.filter)).toEqual([]);
    });
  });

  it.each([
    ["a shard", (key: LabelChunks) => ({ ...key, shard: other }), /no run that needs it has such a shard/],
    ["a view", (key: LabelChunks) => ({ ...key, view: other }), /no run that needs it has the view 0{32}/],
  ])("for %s that no run has is dropped, and disturbs nobody", async (_, stray, said) => {
    await withCluster(files.dir, async (cluster) => {
      const { ended, key } = await waitingRun(cluster);
      const queue = await cluster.workQueue();
      await queue.publish(labelWorkSubject(stray(key)), encode(LabelChunks, stray(key)));
      cluster.teacher("t1");
      await cluster.drive(ended);
      expect((await cluster.record()).state).toBe("done");
      expect(cluster.logged.some(({ msg }) => said.test(`${msg}`))).toBe(true);
      expect([...(await cluster.labels()).keys()].filter((s) => s.includes(other))).toEqual([]);
    });
  });

  it("to train that is no message is dropped, and disturbs nobody", async () => {
    await withCluster(files.dir, async (cluster) => {
      const queue = await cluster.workQueue();
      await queue.publish(trainWorkSubject(other), Uint8Array.of(0x80));
      const { compute } = cluster.teacher("t1", { real: true });
      cluster.student("s1");
      const report = await cluster.run(smallSpec({ teachers: [trainedTeacher("cleo")] }));
      expect(report.teachers[0]?.source).toBe("trained");
      expect(compute.trainings).toBe(1);
      expect(
        cluster.logged.some(({ msg }) => /Cannot use work item .* breaks its schema/.test(`${msg}`)),
      ).toBe(true);
      expect(await queue.pending(streams.work.filter)).toEqual([]);
    });
  });
});

describe("a node whose data is not the run's", () => {
  it("serves nothing and names both hashes, and the others make the run", async () => {
    const rows = 40;
    const labels = bytesIdx(
      [rows],
      Array.from({ length: rows }, (_, i) => i % 4),
    );
    const inputs = (seed: number) =>
      bytesIdx(
        [rows, 3],
        Array.from({ length: rows * 3 }, (_, i) => (i * 37 + seed) % 256),
      );
    const right = await folderOf({ inputs: inputs(0), labels });
    const wrong = await folderOf({ inputs: inputs(1), labels });
    await writeFile(join(files.dir, "inputs"), inputs(0));
    await writeFile(join(files.dir, "labels"), labels);
    const relative = { inputs: "inputs", labels: "labels" };
    await withCluster(files.dir, async (cluster) => {
      const spec = smallSpec({ data: { format: "idx", train: relative, test: relative, classes: 4 } });
      const bad = cluster.teacher("bad", { dataRoot: wrong.dir });
      cluster.student("s1");
      const { ended } = cluster.coordinator(spec);
      await cluster.until(() =>
        cluster.logged.some(({ node, msg }) => node === "bad" && /hash is/.test(`${msg}`)),
      );
      const good = cluster.teacher("good", { dataRoot: right.dir });
      await cluster.drive(ended);
      const { data } = await cluster.record();
      const said = cluster.logged.find(({ node, msg }) => node === "bad" && /hash is/.test(`${msg}`));
      expect(said?.msg).toMatch(
        new RegExp(`teacher node bad: its hash is [0-9a-f]{32}, expected ${data.hash}\\.`),
      );
      expect(said?.msg).not.toContain(`its hash is ${data.hash}`);
      expect(bad.compute.predictions).toBe(0);
      // Train and test are the same rows, so they are one shard's content and one pass.
      expect(good.compute.rowsPredicted).toBe(rows);
    });
    await Promise.all([right.remove(), wrong.remove()]);
    await Promise.all(["inputs", "labels"].map((name) => rm(join(files.dir, name))));
  });
});
