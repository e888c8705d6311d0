import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/config/spec.ts";
import { openDataset } from "../../shared/data/open.ts";
import { rng } from "../../shared/determinism/rng.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { buckets, labelWorkFilter, streams } from "../../shared/protocol/subjects.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { labelsByRow, npzOf } from "../helpers/labelsOfLog.ts";
import { fileTeacher, SMALL_CHUNKS, SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

const labels = { chunkSize: 32, encoding: "float32" } as const;
const live = smallSpec({ labels });
const imported = (source: object, patch: Partial<RunSpec> = {}): RunSpec =>
  smallSpec({ labels, teachers: [{ name: "gpt", labels: source }], ...patch } as Parameters<
    typeof smallSpec
  >[0]);
const fromFile = imported({ path: "ada.npz" });

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
/** Of the run whose teacher was there itself. */
let report: Report;
let said: [number, Float32Array][];
let npz: Uint8Array;

beforeAll(async () => {
  files = await writeTeacherFiles("ada", "bea");
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1");
    cluster.student("s1");
    report = await cluster.run(live);
    const dataset = await openDataset(live.data, files.dir);
    said = labelsByRow((await cluster.labels()).values(), dataset, labels.chunkSize);
    expect(said.length).toBe(SMALL_ROWS);
    npz = npzOf(said);
  });
  await writeFile(join(files.dir, "ada.npz"), npz);
});
afterAll(() => files.remove());

describe("labels from a file", () => {
  it("teach as the teacher that said them, without a teacher node, and nobody makes a pass", async () => {
    await withCluster(files.dir, async (cluster) => {
      const queue = await cluster.workQueue();
      cluster.student("s1");
      const same = await cluster.run(fromFile);
      expect(same.student.weightsHash).toBe(report.student.weightsHash);
      expect(same.teacherPasses).toEqual({ made: 0, saved: 0 });
      expect(same.teacherNodes).toEqual([]);
      expect(same.labelLog.messages).toBe(SMALL_CHUNKS);
      // 4 classes of 4 bytes, and the envelope of a message of at most 32 rows.
      expect(same.bytesPerSampleOnTheWire).toBeGreaterThan(16);
      expect(same.bytesPerSampleOnTheWire).toBeLessThan(60);
      expect(await queue.pending(streams.work.filter)).toEqual([]);
      const [teacher] = same.teachers;
      expect(teacher).toMatchObject({
        name: "gpt",
        source: "imported",
        parameters: 0,
        bytes: npz.byteLength,
      });
      expect(teacher?.accuracy).toBe(report.teachers[0]?.accuracy);
      expect(teacher?.identity).not.toBe(report.teachers[0]?.identity);
    });
  });

  it("are waited for by nobody: a run that lacks a student asks for a student alone", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.coordinator(fromFile);
      const waits = (who: string) =>
        cluster.logged.filter(({ msg }) => `${msg}`.includes(`no ${who} node`)).length;
      await cluster.until(() => waits("student") === 3);
      expect(waits("teacher")).toBe(0);
    });
  });

  it("teach beside a teacher that a node serves, in the order of the spec", async () => {
    const both = { teachers: [fileTeacher("ada"), fileTeacher("bea")], ensemble: { weights: [1, 3] } };
    const mixed = { teachers: [{ name: "gpt", labels: { path: "ada.npz" } }, fileTeacher("bea")] };
    let expected = "";
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      expected = (await cluster.run(smallSpec({ labels, ...both } as never))).student.weightsHash;
    });
    await withCluster(files.dir, async (cluster) => {
      const teacher = cluster.teacher("t1");
      cluster.student("s1");
      const spec = smallSpec({ labels, ...mixed, ensemble: { weights: [1, 3] } } as never);
      const one = await cluster.run(spec);
      expect(one.student.weightsHash).toBe(expected);
      expect(one.teacherPasses).toEqual({ made: SMALL_ROWS, saved: 0 });
      expect(teacher.compute.rowsPredicted).toBe(SMALL_ROWS);
      expect(teacher.compute.predictions).toBe(SMALL_CHUNKS);
    });
  });

  it("that are probabilities teach through a floored log, and the report says what that loses", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const probabilities = said.map(([id, logits]): [number, Float32Array] => {
        const exps = logits.map((logit) => Math.exp(logit));
        const sum = exps.reduce((a, b) => a + b, 0);
        return [id, exps.map((value) => value / sum)];
      });
      await writeFile(join(files.dir, "chances.npz"), npzOf(probabilities, "probabilities"));
      const { teachers, warnings } = await cluster.run(imported({ path: "chances.npz" }));
      expect(teachers[0]).toMatchObject({
        outputWasProbabilities: true,
        accuracy: report.teachers[0]?.accuracy,
      });
      // Of a softmax the log gives the logits back, less one number a sample, where nothing is below the floor.
      expect(teachers[0]?.nll).toBeCloseTo(report.teachers[0]?.nll as number, 4);
      expect(warnings.join()).toContain("Teacher gpt gives probabilities, made logits by a floored log");
      expect(report.warnings.join()).not.toContain("probabilities");
    });
  });

  it("whose import was killed are none until it has gone on to its end", async () => {
    // Each message takes some milliseconds, so that there is a time between two of them.
    const slow = { random: rng("slow import") };
    await withCluster(
      files.dir,
      async (cluster) => {
        const first = cluster.coordinator(fromFile, "r1", "first");
        const stop = new AbortController();
        let arrived = 0;
        const killing = (async () => {
          const log = await cluster.labelLog();
          for await (const _ of log.read(streams.labels.filter, stop.signal)) {
            if (++arrived === 3) first.kill();
          }
        })();
        await cluster.until(() => arrived >= 3);
        const there = (await cluster.drive(cluster.labels())).size;
        expect(there).toBeGreaterThanOrEqual(3);
        expect(there).toBeLessThan(SMALL_CHUNKS);
        expect((await cluster.drive(cluster.record())).teachers[0]?.ready).toBeNull();
        const imports = await cluster.drive(cluster.bus.kv(buckets.imports));
        expect(await cluster.drive(imports.keys(">"))).toEqual([]);

        cluster.student("s1");
        const again = await cluster.run(fromFile);
        stop.abort();
        await cluster.drive(killing);
        expect(again.student.weightsHash).toBe(report.student.weightsHash);
        expect((await cluster.drive(cluster.labels())).size).toBe(SMALL_CHUNKS);
        const [line, ...more] = cluster.logged.filter(({ msg }) => msg === "labels imported");
        expect(more).toEqual([]);
        expect(line).toMatchObject({ chunks: SMALL_CHUNKS, appended: SMALL_CHUNKS - there });
      },
      slow,
    );
  });

  it("that the log has lost by the time they are needed are imported again", async () => {
    await withCluster(files.dir, async (cluster) => {
      const first = cluster.coordinator(fromFile, "r1", "first");
      await cluster.until(async () => (await cluster.runState()) === "distilling");
      first.kill();
      const labelling = (await cluster.record()).teachers[0]?.ready?.labelling as string;
      await (await cluster.labelLog()).purge(streams.labels.filter);
      cluster.student("s1");
      expect((await cluster.run(fromFile)).student.weightsHash).toBe(report.student.weightsHash);
      expect(await (await cluster.workQueue()).pending(labelWorkFilter(labelling))).toEqual([]);
    });
  });

  it("that are not what they were when the run began end it, with both identities", async () => {
    await withCluster(files.dir, async (cluster) => {
      const spec = imported({ path: "changing.npz" });
      await writeFile(join(files.dir, "changing.npz"), npz);
      const first = cluster.coordinator(spec, "r1", "first");
      await cluster.until(async () => (await cluster.runState()) === "distilling");
      first.kill();
      await (await cluster.labelLog()).purge(streams.labels.filter);
      const changed = Buffer.from(npz);
      // The second highest byte of the first logit, behind 64-byte headers and the ids.
      const start = changed.indexOf("logits.npy") + "logits.npy".length + 128;
      changed.writeFloatLE(changed.readFloatLE(start) + 1, start);
      await writeFile(join(files.dir, "changing.npz"), changed);
      await expect(cluster.run(spec)).rejects.toThrow(
        /teacher "gpt" as the log has lost 250 of its labels and its file has changed: its identity is [0-9a-f]{32}, expected [0-9a-f]{32}/,
      );
      await rm(join(files.dir, "changing.npz"));
    });
  });
});

describe("labels by their identity", () => {
  it("are those that were imported before, also once their file is gone", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const { teachers } = await cluster.run(fromFile, "first");
      const { identity } = teachers[0] as { identity: string };
      const second = await cluster.run(imported({ identity }), "second");
      expect(second.student.weightsHash).toBe(report.student.weightsHash);
      expect(second.teachers[0]).toMatchObject({ identity, source: "imported", bytes: npz.byteLength });
    });
  });

  it("are refused with what is there when they are needed otherwise, or of more samples", async () => {
    await withCluster(files.dir, async (cluster) => {
      cluster.student("s1");
      const few = smallSpec({ labels, teachers: fromFile.teachers } as never, { limit: 8, validation: 0.5 });
      const { teachers } = await cluster.run({ ...few, labels: { ...few.labels, chunkSize: 8 } }, "first");
      const { identity } = teachers[0] as { identity: string };
      await expect(cluster.run(imported({ identity }), "chunks")).rejects.toThrow(
        /as teacher "gpt": memory has them as float32 in chunks of 8 alone, and the run needs float32 in chunks of 32/,
      );
      const all = imported({ identity }, { labels: { ...fromFile.labels, chunkSize: 8 } });
      await expect(cluster.run(all, "samples")).rejects.toThrow(
        /the log has labels for \d+ of the 250 samples that the run needs.*import "ada\.npz" again/,
      );
      await expect(cluster.run(imported({ identity: "0".repeat(32) }), "unknown")).rejects.toThrow(
        /memory has no such labels, and the run needs float32/,
      );
      expect(await cluster.runState("unknown")).toBe("teaching");
    });
  });
});
