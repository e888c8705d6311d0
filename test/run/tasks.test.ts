import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataSpec } from "../../shared/config/dataSpec.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { inversePermutation } from "../../shared/data/chunks.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { rng } from "../../shared/determinism/rng.ts";
import type { FeaturePlan } from "../../shared/distill/features/planFeatures.ts";
import { renderReport } from "../../shared/evaluate/reportHtml.ts";
import type {
  MultiLabelReport,
  RegressionReport,
  TaskReport,
} from "../../shared/evaluate/taskReportSchema.ts";
import { featureSide } from "../../student-node/featureSide.ts";
import { floats, zipOf } from "../data/npyFiles.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { reportsOfOneLog } from "../helpers/sharedLog.ts";
import { smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles();
});
afterAll(() => files.remove());

function spec(about: object, data: object): RunSpec {
  const teacher = (name: string, seed: number) => ({
    name,
    model: { arch: "mlp", hidden: [24] },
    train: { epochs: 20, batch: 32, optimizer: { kind: "adam", lr: 0.01 }, seed },
  });
  return smallSpec(
    {
      seeds: [1, 2],
      baseline: true,
      teachers: [teacher("ada", 0), teacher("bea", 1)],
      student: {
        model: { arch: "mlp", hidden: [12] },
        train: { epochs: 12, batch: 32, keep: "best", optimizer: { kind: "adam", lr: 0.01 } },
      },
      ...about,
    } as Parameters<typeof smallSpec>[0],
    { train: 400, test: 200, noise: 0.2, ...data } as Parameters<typeof smallSpec>[1],
  );
}

const reportsOf = (...specs: RunSpec[]): Promise<TaskReport[]> =>
  reportsOfOneLog(files.dir, specs, (cluster, spec, run) => cluster.runTask(spec, run));

const hashesOf = ({ seeds }: TaskReport) =>
  seeds.flatMap(({ student, baseline }) => [student.weightsHash, baseline?.weightsHash]);

describe("a run of multi-label", () => {
  it("teaches students that are far better than chance, and the same again from the same log", async () => {
    const kd = spec({}, { task: "multi-label", classes: 3 });
    const geometric = spec(
      {
        ensemble: { rule: "geometric", weights: "log-odds", calibrate: true },
        distill: { loss: { kind: "reverse-kl" } },
      },
      { task: "multi-label", classes: 3 },
    );
    const [first, again, other] = (await reportsOf(kd, kd, geometric)) as [
      MultiLabelReport,
      MultiLabelReport,
      MultiLabelReport,
    ];
    expect(first.score).toEqual({ name: "mean average precision", better: "higher", unit: "" });
    // A ranking by chance has the share of samples with the class as its average precision: about one half.
    expect(first.student.score).toBeGreaterThan(0.85);
    expect(first.ensemble.score).toBeGreaterThan(0.9);
    for (const { student } of first.seeds) {
      expect(student.metrics.hammingAccuracy).toBeGreaterThan(0.8);
      expect(student.metrics.perClass).toHaveLength(3);
      expect(student.curve.map(({ epoch }) => epoch)).toHaveLength(12);
    }
    expect(hashesOf(again)).toEqual(hashesOf(first));
    expect(first.seeds[0]?.paired?.samples).toBe(200);
    const [hot] = other.ensemble.temperatures;
    expect(hot).not.toBe(1);
    expect(other.ensemble.answersBy).toBe("geometric");
    expect(other.student.score).toBeGreaterThan(0.85);
    expect(hashesOf(other)).not.toEqual(hashesOf(first));
    expect(other.teacherPasses.made).toBe(0);
    const page = await renderReport(first);
    for (const text of ["Macro F1", "Exact match", "share of right decisions"]) expect(page).toContain(text);
  });
});

describe("a run of regression", () => {
  it("teaches students that explain most of what there is, in the data's units, and the same again", async () => {
    const distill = { loss: { kind: "value-mse", alpha: 0.5 } };
    const labels = { chunkSize: 32, encoding: "float32" };
    const mean = spec({ distill, labels }, { task: "regression" });
    const bounded = spec(
      { distill: { loss: { kind: "teacher-bounded", delta: 1 } }, labels, ensemble: { rule: "median" } },
      { task: "regression" },
    );
    const weighed = spec({ distill, labels, ensemble: { weights: "inverse-mse" } }, { task: "regression" });
    const [first, again, other, third] = (await reportsOf(mean, mean, bounded, weighed)) as [
      RegressionReport,
      RegressionReport,
      RegressionReport,
      RegressionReport,
    ];
    expect(first.score).toEqual({ name: "RMSE", better: "lower", unit: "the data's unit" });
    // Targets are 20 + 5 f(x), and a sum of six waves of height sqrt(2 / 6) is between -3.5 and 3.5.
    expect(first.data.scale?.mean[0]).toBeGreaterThan(2.5);
    expect(first.data.scale?.mean[0]).toBeLessThan(37.5);
    for (const report of [first, other, third]) {
      for (const { student, baseline } of report.seeds) {
        expect(student.metrics.r2).toBeGreaterThan(0.5);
        expect(baseline?.metrics.r2).toBeGreaterThan(0.3);
        expect(student.metrics.rmse).toBeCloseTo(student.score, 6);
      }
    }
    expect(hashesOf(again)).toEqual(hashesOf(first));
    expect(hashesOf(other)).not.toEqual(hashesOf(first));
    expect(third.ensemble.weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    const page = await renderReport(first);
    expect(page).toContain("RMSE");
    expect(page).toContain("Learning curves");
  });
});

describe("what is the same whatever the task", () => {
  it("teachers trained in folds, and terms that look inside", async () => {
    const fold = (about: object) => ({
      name: "ada",
      model: { arch: "mlp", hidden: [16] },
      train: { epochs: 10, batch: 32, optimizer: { kind: "adam", lr: 0.01 } },
      ...about,
    });
    const terms = [{ kind: "value-mse" }, { kind: "rkd", feature: "head", layer: "dense_1", weight: 0.1 }];
    const about = { seeds: [1], baseline: false, labels: { chunkSize: 32, encoding: "float32" } };
    const [crossFit, inside] = (await reportsOf(
      spec(
        { ...about, teachers: [fold({ crossFit: 2 })], distill: { loss: { kind: "value-mse" } } },
        { task: "regression" },
      ),
      spec(
        { ...about, teachers: [fold({ features: { head: "dense_1" } })], distill: { terms } },
        { task: "regression" },
      ),
    )) as [RegressionReport, RegressionReport];
    expect(crossFit.teachers[0]?.folds).toBe(2);
    for (const { student } of [crossFit, inside]) expect(student.score).toBeLessThan(4);
  });
});

describe("relations between the answers of a regression", () => {
  it("are those of standardised numbers, as the student gives them", () => {
    // Two samples of one output, with mean 20 and deviation 5 in training: 25 and 15 become 1 and -1.
    const shard = { hash: "numbers", rows: 2 };
    const scale = { mean: [20], deviation: [5] };
    const dataset = {
      classes: 1,
      shards: [shard],
      splits: { train: Uint32Array.of(0, 1) },
      targets: { task: "regression", scale },
    } as unknown as Dataset;
    const term = { kind: "similarity-preserving", feature: "logits", layer: "logits" };
    const use = { term, place: 0, teacher: 0, studentShape: [1], teacherShape: [1], source: "logits" };
    const places = inversePermutation(shard.hash, shard.rows);
    const labels = {
      read: (_teacher: number, _shard: number, place: number, out: Float32Array, row: number) => {
        out[row] = place === places[0] ? 25 : 15;
      },
      readFeature: () => undefined,
    };
    const plan = { uses: [use], layouts: [[]] } as unknown as FeaturePlan;
    const side = featureSide(plan, dataset, 512, ["seed"]);
    expect(Object.values(side.gather(Uint32Array.of(0, 1), 0, labels))).toEqual([Float32Array.of(1, -1)]);
  });
});

describe("a student of an earlier run as a teacher", () => {
  it("gives numbers in the data's units, and teaches its own task alone", async () => {
    const about = { seeds: [1], baseline: false, distill: { loss: { kind: "value-mse", alpha: 0.5 } } };
    const teachers = [{ name: "elder", student: { run: "r0", seed: 1 } }];
    const numbers = { task: "regression" };
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1", { real: true });
      cluster.student("s1");
      const first = await cluster.runTask(spec(about, numbers), "r0");
      const second = await cluster.runTask(spec({ ...about, teachers }, numbers), "r1");
      // Its labels are rounded to half precision on their way: 2^-7 at most, of a number below 32.
      expect(second.ensemble.score).toBeCloseTo(first.student.score, 1);
      expect(second.student.score).toBeLessThan(4);
      const other = { ...about, teachers, distill: { loss: { kind: "kd" } } };
      await expect(cluster.runTask(spec(other, { task: "multi-label", classes: 2 }), "r2")).rejects.toThrow(
        /"elder": it has learnt "regression", and data.task is "multi-label"/,
      );
    });
  });
});

describe("a run on NPZ files with labels from elsewhere", () => {
  /** y = x_0 + 10 exactly, which the teacher's labels say of the training half that has no target. */
  async function write(): Promise<void> {
    const stream = rng("npz run");
    const split = (rows: number, known: number) => {
      const inputs = Float32Array.from({ length: rows * 3 }, () => stream.normal());
      const truth = Array.from({ length: rows }, (_, row) => (inputs[row * 3] as number) + 10);
      const targets = truth.map((value, row) => (row < known ? value : Number.NaN));
      return { inputs: floats([rows, 3], inputs), targets: floats([rows], targets), truth };
    };
    const [train, test] = [split(300, 60), split(100, 100)];
    for (const [name, { inputs, targets }] of Object.entries({ train, test })) {
      await writeFile(
        join(files.dir, `${name}.npz`),
        zipOf({ "inputs.npy": inputs, "targets.npy": targets }),
      );
    }
    const values = [...train.truth, ...test.truth];
    await writeFile(join(files.dir, "labels.npz"), zipOf({ "values.npy": floats([400, 1], values) }));
    const odds = values.map((value) => 1 / (1 + Math.exp(-(value - 10))));
    await writeFile(join(files.dir, "odds.npz"), zipOf({ "sigmoids.npy": floats([400, 1], odds) }));
  }
  const data = { format: "npz", train: "train.npz", test: "test.npz", task: "regression" };
  const taughtBy = (labels: string): RunSpec => ({
    ...spec(
      {
        teachers: [{ name: "ada", labels: { path: labels } }],
        distill: { loss: { kind: "value-mse" } },
      },
      {},
    ),
    data: DataSpec.parse(data),
  });

  it("learns a number from the teacher where no target is known, better than alone", async () => {
    await write();
    const [report] = (await reportsOf(taughtBy("labels.npz"))) as [RegressionReport];
    expect(report.ensemble.metrics.rmse).toBeLessThan(0.01);
    expect(report.teachers[0]?.source).toBe("imported");
    expect(report.student.score).toBeLessThan(report.baseline?.score ?? 0);
    expect(report.gapRecovered).toBeGreaterThan(0.3);
  });

  it("refuses labels of another task by what they hold", async () => {
    await write();
    await expect(reportsOf(taughtBy("odds.npz"))).rejects.toThrow(
      /it holds sigmoids, and data.task is "regression"; expected one of \[values\]/,
    );
  });
});
