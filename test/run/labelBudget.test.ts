import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/config/spec.ts";
import { chunkOf } from "../../shared/data/chunks.ts";
import { rowOf, type Shard } from "../../shared/data/dataset.ts";
import { openDataset } from "../../shared/data/open.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { streams } from "../../shared/protocol/subjects.ts";
import type { StudentWatch } from "../helpers/computes.ts";
import { type Cluster, withCluster } from "../helpers/inProcessRun.ts";
import { fileTeacher, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada", "bea");
});
afterAll(() => files.remove());

/** 200 rows of the training file in 8 chunks of 25, and 50 of the test file in 2, of one size each. */
const CHUNK = 25;
const EPOCHS = 3;
/** 4 classes of two bytes for each row. */
const CHUNK_BYTES = CHUNK * 4 * 2;

type Patch = Parameters<typeof smallSpec>[0];

/** @param chunks for which a student node has room on its disk; undefined: for all */
function specWith(chunks: number | undefined, patch: Patch = {}): RunSpec {
  const plain = smallSpec().student;
  const spec = smallSpec({
    student: {
      ...plain,
      train: { epochs: EPOCHS, batch: 32 },
      shuffle: "windows",
      shuffleChunks: 2,
      checkpointSteps: 5,
    },
    labels: { chunkSize: CHUNK },
    ...patch,
  });
  if (chunks === undefined) return spec;
  return { ...spec, student: { ...spec.student, labelStoreBytes: chunks * CHUNK_BYTES } };
}

/** A run in a log that was empty before. */
async function fresh(
  spec: RunSpec,
  watchOf: (cluster: Cluster) => StudentWatch = () => ({}),
): Promise<Report> {
  let report: Report | undefined;
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1");
    cluster.student("s1", { watch: watchOf(cluster) });
    report = await cluster.run(spec);
    expect(cluster.logged.filter(({ msg }) => /tries again/.test(`${msg}`))).toEqual([]);
  });
  return report as Report;
}

/** What the label stores of student nodes take on the disk. */
function storedBytes(): number {
  const stores = readdirSync(files.dir).filter((name) => name.startsWith("stillhouse-labels-"));
  return stores
    .flatMap((store) => readdirSync(join(files.dir, store)).map((name) => join(files.dir, store, name)))
    .reduce((sum, path) => sum + statSync(path).size, 0);
}

describe("a run whose labels are three times what a student node may keep on its disk", () => {
  it("gives the weights of one that keeps them all, and counts what it reads again", async () => {
    const whole = await fresh(specWith(undefined));
    const third = await fresh(specWith(3));
    expect(third.student.weightsHash).toBe(whole.student.weightsHash);
    expect(third.teachers[0]?.quality).toEqual(whole.teachers[0]?.quality);
    expect(third.ensemble?.accuracy).toBe(whole.ensemble?.accuracy);
    expect(whole.labelLog).not.toHaveProperty("readAgain");
    expect(whole.labelLog.messages).toBe(10);
    // Three training chunks are kept. Of the eight the other five are read in each of three epochs; after the training the
    // two test chunks for the test split, the five again for the quality of the labels on the training split, and those with
    // validation samples for that on validation.
    const { shards, splits } = await openDataset(specWith(3).data, "");
    const { hash, rows } = shards[0] as Shard;
    const validated = new Set(Array.from(splits.validation, (id) => chunkOf(hash, rows, CHUNK, rowOf(id))));
    for (const kept of [0, 1, 2]) validated.delete(kept);
    const messages = 5 * EPOCHS + 2 + 5 + validated.size;
    // All chunks have as many rows, and so all messages as many bytes.
    const bytes = messages * (whole.labelLog.bytes / 10);
    expect(third.labelLog).toEqual({ ...whole.labelLog, readAgain: { bytes, messages } });
  });

  it("does so with two teachers, calibrated and weighed on validation", async () => {
    const two: Patch = {
      teachers: [fileTeacher("ada"), fileTeacher("bea")],
      ensemble: { calibrate: true, weights: "accuracy" },
    };
    const whole = await fresh(specWith(undefined, two));
    const third = await fresh(specWith(6, two));
    expect(third.student.weightsHash).toBe(whole.student.weightsHash);
    expect(third.ensemble).toEqual(whole.ensemble);
    expect(third.labelLog.readAgain?.messages).toBeGreaterThan(10 * EPOCHS);
  });

  it("does so when its student dies within a window and another goes on", async () => {
    const spec = specWith(3);
    const { student } = await fresh(specWith(undefined));
    await withCluster(files.dir, async (cluster) => {
      const { ended } = cluster.coordinator(spec);
      cluster.teacher("t1");
      let dead = false;
      const victim = cluster.student("victim", {
        watch: {
          onCheckpoint: (_, step) => {
            // Of the six steps of epoch 1 four are done: 128 samples of windows of about 45.
            if (step !== 10) return;
            victim.kill();
            dead = true;
          },
        },
      });
      await cluster.until(() => dead);
      cluster.student("s2");
      const report = (await cluster.drive(ended)) as Report;
      expect(report.student.weightsHash).toBe(student.weightsHash);
      expect(report.seeds[0]?.student.lineage).toMatchObject([{ fromStep: 0 }, { fromStep: 10 }]);
    });
  });

  it("does so with fresh views, which it never asks for when they have left the log", async () => {
    const views: Patch = {
      views: { count: "fresh", recipe: [{ kind: "noise", deviation: 0.5 }] },
      student: {
        ...specWith(3).student,
        train: { epochs: 6, batch: 32 },
        checkpointSteps: 3,
        labelStoreBytes: 2 ** 30,
      },
    };
    const whole = await fresh(specWith(undefined, views));
    // Ten chunks of the samples themselves and eight of each of five other views.
    expect(whole.labelLog.messages).toBe(50);
    const third = await fresh(specWith(16, views));
    expect(third.student.weightsHash).toBe(whole.student.weightsHash);
    // Room is left for 6 of the 8 chunks of a view.
    expect(third.labelLog.readAgain?.messages).toBeGreaterThanOrEqual(2);
  });

  it("keeps of fresh views those that students may need still, and so reads nothing again", async () => {
    const views: Patch = {
      views: { count: "fresh", recipe: [{ kind: "noise", deviation: 0.5 }] },
      student: {
        ...specWith(3).student,
        train: { epochs: 8, batch: 32 },
        shuffle: "all",
        checkpointSteps: 3,
        labelStoreBytes: 2 ** 30,
      },
    };
    const whole = await fresh(specWith(undefined, views));
    // Of the samples themselves 10 chunks and of seven other views 8 each, with a window of one view: the one that the student
    // is in, the next, and one that it is past.
    const room = 10 + 3 * 8;
    let most = 0;
    const some = await fresh(specWith(room, views), () => ({
      onCheckpoint: () => {
        most = Math.max(most, storedBytes());
      },
    }));
    expect(some.student.weightsHash).toBe(whole.student.weightsHash);
    expect(some.labelLog).toEqual(whole.labelLog);
    expect(whole.labelLog.messages).toBe(10 + 7 * 8);
    expect(most).toBeGreaterThan((10 + 8) * CHUNK_BYTES);
    expect(most).toBeLessThanOrEqual(room * CHUNK_BYTES);
  });

  it("does so for students that are trained at once, each of which reads for itself", async () => {
    const both: Patch = { seeds: [1, 2], nodes: { teachers: 1, studentWorkers: 2 } };
    const whole = await fresh(specWith(undefined, both));
    const third = await fresh(specWith(3, both));
    const hashes = ({ seeds }: Report) => seeds.map(({ student }) => student.weightsHash);
    expect(hashes(third)).toEqual(hashes(whole));
    const alone = await fresh(specWith(3));
    expect(third.labelLog.readAgain?.messages).toBe((alone.labelLog.readAgain?.messages ?? 0) + 5 * EPOCHS);
  });

  it("does so for students that differ in steps and epochs", async () => {
    const more: Patch = { moreStudents: [{ name: "longer", train: { epochs: 4, batch: 20 } }] };
    const whole = await fresh(specWith(undefined, more));
    const third = await fresh(specWith(3, more));
    const hashes = ({ student, moreStudents = [] }: Report) =>
      [student, ...moreStudents.map((one) => one.student)].map(({ weightsHash }) => weightsHash);
    expect(hashes(third)).toHaveLength(2);
    expect(hashes(third)).toEqual(hashes(whole));
    const { readAgain } = (await fresh(specWith(3))).labelLog;
    expect(third.labelLog.readAgain?.messages).toBe((readAgain?.messages ?? 0) + 5 * 4);
  });

  it("does so with a quorum", async () => {
    const quorum: Patch = {
      teachers: [fileTeacher("ada"), fileTeacher("bea")],
      ensemble: { quorum: { teachers: 1, deadlineS: 30 } },
    };
    const whole = await fresh(specWith(undefined, quorum));
    const third = await fresh(specWith(6, quorum));
    expect(third.student.weightsHash).toBe(whole.student.weightsHash);
  });

  it("goes on from its checkpoint when the log has lost what it is to read again", async () => {
    const spec = specWith(3);
    const { student } = await fresh(specWith(undefined));
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      let lost = 0;
      cluster.student("s1", {
        watch: {
          onCheckpoint: (_, step) => {
            if (step === 5) lost += cluster.hub.loseLatest(streams.labels.name, 6);
          },
        },
      });
      const report = await cluster.run(spec);
      expect(lost).toBe(6);
      expect(report.student.weightsHash).toBe(student.weightsHash);
      const said = cluster.logged.map(({ msg }) => `${msg}`);
      expect(said.some((msg) => /Cannot read the labels at .* again: the log has lost them/.test(msg))).toBe(
        true,
      );
    });
  });
});
