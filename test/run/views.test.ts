import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sleep } from "../../shared/bus/clock.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { parseLabelsSubject } from "../../shared/protocol/subjects.ts";
import type { AroundPrediction } from "../helpers/computes.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { SMALL_CHUNKS, SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

/** Of 7 chunks with training samples: those of the training file. */
const TRAIN_ROWS = 200;
const TRAIN_CHUNKS = 7;
const EPOCHS = 4;

type Views = Partial<NonNullable<RunSpec["views"]>>;

function specWith(views: Views | undefined, patch: Parameters<typeof smallSpec>[0] = {}): RunSpec {
  const plain = smallSpec();
  const noise = [{ kind: "noise", deviation: 0.5 }] as const;
  return smallSpec({
    student: { ...plain.student, train: { ...plain.student.train, epochs: EPOCHS }, checkpointSteps: 4 },
    ...(views && { views: { count: 2, recipe: [...noise], ...views } }),
    ...patch,
  });
}

/** One node, one student node, one run in a log that was empty before, and what it left there. */
async function fresh(spec: RunSpec, around?: AroundPrediction) {
  let report: Report | undefined;
  let subjects: string[] = [];
  let rows = 0;
  await withCluster(files.dir, async (cluster) => {
    const teacher = cluster.teacher("t1", around && { around });
    cluster.student("s1");
    report = await cluster.run(spec);
    subjects = [...(await cluster.labels()).keys()];
    rows = teacher.compute.rowsPredicted;
  });
  return { report: report as Report, views: chunksByView(subjects), rows };
}

function chunksByView(subjects: readonly string[]): number[] {
  const counts = new Map<string, number>();
  for (const subject of subjects) {
    const { view } = parseLabelsSubject(subject);
    counts.set(view, (counts.get(view) ?? 0) + 1);
  }
  return [...counts.values()].sort((a, b) => b - a);
}

describe("a run with views", () => {
  it("has each labelled once, the changed ones of training chunks alone, and comes back to them", async () => {
    const { report, views, rows } = await fresh(specWith({ count: 3 }));
    expect(views).toEqual([SMALL_CHUNKS, TRAIN_CHUNKS, TRAIN_CHUNKS]);
    expect(rows).toBe(SMALL_ROWS + 2 * TRAIN_ROWS);
    expect(report.teacherPasses).toEqual({ made: SMALL_ROWS + 2 * TRAIN_ROWS, saved: 0 });
  });

  it("sees view e modulo their number in epoch e: what the teacher says of each matters", async () => {
    const seen: number[] = [];
    await fresh(specWith({ count: 3 }), async ({ view }, predict) => {
      seen.push(view);
      return predict();
    });
    expect([...new Set(seen)]).toEqual([0, 1, 2]);
    const hashOf = async (spec: RunSpec) => (await fresh(spec)).report.student.weightsHash;
    const [plain, two, three] = [
      await hashOf(specWith(undefined)),
      await hashOf(specWith({ count: 2 })),
      await hashOf(specWith({ count: 3 })),
    ];
    expect(new Set([plain, two, three]).size).toBe(3);
  });

  it("asks the teachers once where they see the samples themselves, and changes what the student sees", async () => {
    const { report, views } = await fresh(specWith({ teacher: "plain", count: "fresh" }));
    expect(views).toEqual([SMALL_CHUNKS]);
    const { report: unchanged } = await fresh(specWith(undefined));
    expect(report.student.weightsHash).not.toBe(unchanged.student.weightsHash);
  });

  it("does without views that no epoch comes to", async () => {
    const { views } = await fresh(specWith({ count: EPOCHS + 3 }));
    expect(views).toHaveLength(EPOCHS);
  });

  it("gives the same weights when node and student die on the way", async () => {
    const spec = specWith({ count: 3 });
    const { report: undisturbed } = await fresh(spec);
    await withCluster(files.dir, async (cluster) => {
      const { ended } = cluster.coordinator(spec);
      const doomed = cluster.teacher("doomed", {
        around: ({ index }, predict) => {
          // In the middle of view 1.
          if (index < SMALL_CHUNKS + 2) return predict();
          doomed.kill();
          return new Promise(() => undefined);
        },
      });
      let step = 0;
      const victim = cluster.student("victim", {
        watch: {
          onCheckpoint: (_, at) => {
            step = at;
            if (at === 8) victim.kill();
          },
        },
      });
      await cluster.until(() => doomed.compute.predictions > SMALL_CHUNKS + 2);
      cluster.teacher("heir");
      await cluster.until(() => step === 8);
      cluster.student("s2");
      const report = (await cluster.drive(ended)) as Report;
      expect(report.student.weightsHash).toBe(undisturbed.student.weightsHash);
    });
  });
});

describe("a second run", () => {
  const after = async (first: RunSpec, second: RunSpec) => {
    let passes = { made: 0, saved: 0 };
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      await cluster.run(first, "first");
      passes = (await cluster.run(second, "second")).teacherPasses;
    });
    return passes;
  };
  const all = SMALL_ROWS + TRAIN_ROWS;

  it.each([
    ["its seeds", specWith({}, { seeds: [4, 5] })],
    ["its loss", specWith({}, { distill: { loss: { kind: "kd", temperature: 2, alpha: 0.5 } } })],
  ])("that differs in %s shares every pass", async (_, second) => {
    expect(await after(specWith({}), second)).toEqual({ made: 0, saved: all });
  });

  it.each([
    ["the recipe", specWith({ recipe: [{ kind: "noise", deviation: 0.25 }] })],
    ["the seed of its views", specWith({ seed: 1 })],
  ])("that differs in %s shares the samples themselves and no view", async (_, second) => {
    expect(await after(specWith({}), second)).toEqual({ made: TRAIN_ROWS, saved: SMALL_ROWS });
  });

  it("that differs in chunk size shares nothing", async () => {
    expect(await after(specWith({}), specWith({}, { labels: { chunkSize: 50 } }))).toEqual({
      made: all,
      saved: 0,
    });
  });

  it("with more views has the new ones labelled alone", async () => {
    expect(await after(specWith({}), specWith({ count: 3 }))).toEqual({ made: TRAIN_ROWS, saved: all });
  });
});

describe("a run with views and a quorum", () => {
  it("closes each view's chunks by decisions of their own", async () => {
    const { report } = await fresh(specWith({}, { ensemble: { quorum: { teachers: 1, deadlineS: 30 } } }));
    expect(report.ensemble?.quorum).toMatchObject({ chunks: SMALL_CHUNKS + TRAIN_CHUNKS, belowAll: 0 });
    const { report: without } = await fresh(specWith({}));
    expect(report.student.weightsHash).toBe(without.student.weightsHash);
  });
});

describe("a run whose views are fresh", () => {
  const EPOCH_STEPS = 6;
  const spec = specWith(
    { count: "fresh" },
    { student: { ...smallSpec().student, train: { epochs: 8, batch: 32 }, checkpointSteps: 3 } },
  );

  it("labels each epoch anew, holds a window of them in the log, and ends with the samples themselves", async () => {
    let most = 0;
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("s1");
      const { ended } = cluster.coordinator(spec);
      let over = false;
      const look = async (): Promise<void> => {
        while (!over) {
          most = Math.max(most, chunksByView([...(await cluster.labels()).keys()]).length);
          await sleep(cluster.clock, 100);
        }
      };
      const looking = look();
      const report = (await cluster.drive(ended)) as Report;
      over = true;
      await cluster.clock.advance(100);
      await looking;
      expect(report.teacherPasses).toEqual({ made: SMALL_ROWS + 7 * TRAIN_ROWS, saved: 0 });
      expect(chunksByView([...(await cluster.labels()).keys()])).toEqual([SMALL_CHUNKS]);
    });
    // A window of 1, as two checkpoints less a step are 5 of an epoch's 6 steps: the view that the slowest may go on from and
    // the next, the samples themselves, and one that all are past and that is not let go yet.
    expect(most).toBeGreaterThanOrEqual(3);
    expect(most).toBeLessThanOrEqual(4);
  });

  it("gives the same weights when coordinator, node and student die, and goes on from what the log still has", async () => {
    const { report: undisturbed } = await fresh(spec);
    await withCluster(files.dir, async (cluster) => {
      const first = cluster.coordinator(spec, "r1", "first");
      const doomed = cluster.teacher("doomed");
      let dead = false;
      const victim = cluster.student("victim", {
        watch: {
          onCheckpoint: (_, step) => {
            // In epoch 4, when the labels of epoch 1 have gone.
            if (step !== 4 * EPOCH_STEPS + 3) return;
            victim.kill();
            dead = true;
          },
        },
      });
      await cluster.until(() => dead);
      first.kill();
      doomed.kill();
      const labelled = doomed.compute.rowsPredicted;
      const heir = cluster.teacher("heir");
      const resumed: boolean[] = [];
      cluster.student("s2", { watch: { onTrain: ({ checkpoint }) => resumed.push(checkpoint !== null) } });
      const report = await cluster.drive(cluster.coordinator(spec, "r1", "second").ended);
      expect(report?.student.weightsHash).toBe(undisturbed.student.weightsHash);
      expect(resumed).toEqual([true]);
      // What was let go is not labelled again; what the dead node had at work is.
      expect(labelled + heir.compute.rowsPredicted).toBeLessThan(SMALL_ROWS + 8 * TRAIN_ROWS);
    });
  });

  it("keeps the labels for another run that needs the same", async () => {
    await withCluster(files.dir, async (cluster) => {
      const teacher = cluster.teacher("t1");
      // The other run waits for its student, so it needs all.
      cluster.coordinator({ ...spec, seeds: [7] }, "waits");
      await cluster.until(async () => (await cluster.runState("waits")) === "distilling");
      const { ended } = cluster.coordinator(spec);
      cluster.student("s1");
      await cluster.drive(ended);
      await cluster.until(async () => (await cluster.runState("waits")) === "done");
      expect(teacher.compute.rowsPredicted).toBe(SMALL_ROWS + 7 * TRAIN_ROWS);
    });
  });

  it("is refused where checkpoints lie too far apart for its window, or students would be trained one by one", async () => {
    const plain = smallSpec().student;
    const narrow = specWith({ count: "fresh", window: 1 }, { student: { ...plain, checkpointSteps: 4 } });
    await withCluster(files.dir, async (cluster) => {
      await expect(cluster.coordinator(narrow).ended).rejects.toThrow(
        /views\.window 1 as student\.checkpointSteps is 4 and an epoch has 6 steps: .* a window of at least 2, or checkpointSteps of at most 3/,
      );
    });
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1");
      cluster.student("small", { workers: 1 });
      cluster.coordinator({ ...spec, seeds: [1, 2] });
      await cluster.until(() =>
        cluster.logged.some(({ msg }) =>
          /Cannot train 2 students of fresh views.* on small as it does 1/.test(`${msg}`),
        ),
      );
    });
  });
});
