import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { computeSettings } from "../../shared/compute/computeSettings.ts";
import { loadNativeModel } from "../../shared/compute/predictors/nativeModel.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { TrainedTeacherSpec } from "../../shared/config/teacherSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { foldOfRow } from "../../shared/data/folds.ts";
import { gatherRows } from "../../shared/data/gather.ts";
import { openDataset } from "../../shared/data/open.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { chunkLayout } from "../../shared/labels/layout.ts";
import { unpackFolds } from "../../shared/model/foldBundle.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import { buckets, parseLabelsSubject } from "../../shared/protocol/subjects.ts";
import { trainTeacher } from "../../teacher-node/training.ts";
import { type Cluster, type StartedTeacher, withCluster } from "../helpers/inProcessRun.ts";
import { preferredBackend } from "../helpers/preferredBackend.ts";
import { SMALL_ROWS, smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles();
  await chooseBackend({ prefer: preferredBackend });
});
afterAll(() => files.remove());

const settings = () => computeSettings({ name: preferredBackend }, smallSpec().compute, "teacher");
const crossFitted = (folds: number): RunSpec =>
  smallSpec({
    teachers: [
      {
        name: "cleo",
        model: { arch: "mlp", hidden: [8] },
        train: { epochs: 2, batch: 32 },
        crossFit: folds,
      },
    ],
    labels: { chunkSize: 32, encoding: "float32" },
  });

async function withNodes(body: (cluster: Cluster, nodes: StartedTeacher[]) => Promise<void>): Promise<void> {
  await withCluster(files.dir, async (cluster) => {
    const nodes = ["t1", "t2"].map((name) => cluster.teacher(name, { real: true }));
    cluster.student("s1");
    await body(cluster, nodes);
  });
}

describe("a cross-fitted teacher", () => {
  it("labels each sample by the model of the sample's fold, in one pass a sample", async () => {
    await withNodes(async (cluster, nodes) => {
      const report = await cluster.run(crossFitted(3));
      expect(nodes.reduce((sum, { compute }) => sum + compute.trainings, 0)).toBe(3);
      expect(nodes.reduce((sum, { compute }) => sum + compute.rowsPredicted, 0)).toBe(SMALL_ROWS);
      // 5 inputs, 8 hidden units and 4 classes are 84 numbers a model.
      expect(report.teachers[0]).toMatchObject({ folds: 3, parameters: 3 * 84, source: "trained" });

      const { artifact } = (await cluster.record()).teachers[0]?.ready?.model ?? { artifact: "" };
      const bundle = (await (await cluster.bus.objects(buckets.weights)).get(artifact)) as Uint8Array;
      const models = unpackFolds(bundle, 3);
      const predictors = await Promise.all(models.map((model) => loadNativeModel(model, settings())));
      const dataset = await openDataset(crossFitted(3).data, "");
      let compared = 0;
      for (const [subject, bytes] of await cluster.labels()) {
        const { shard: hash, chunk } = parseLabelsSubject(subject);
        const place = dataset.shards.findIndex((one) => one.hash === hash);
        const shard = dataset.shards[place] as Dataset["shards"][number];
        const { rows } = chunkLayout({ shard, chunkSize: 32, chunk, classes: 4, encoding: "float32" });
        const { payload } = decode(Labels, bytes, subject);
        const stored = new Float32Array(payload.slice().buffer);
        for (const [i, row] of rows.entries()) {
          const own = predictors[foldOfRow(shard, row, 3)];
          const expected = await own?.predict(gatherRows(dataset, place, [row]), 1);
          for (let c = 0; c < 4; c++) {
            expect(stored[4 * i + c], `row ${row}`).toBeCloseTo(expected?.[c] as number, 5);
            compared++;
          }
        }
      }
      expect(compared).toBe(4 * SMALL_ROWS);
      for (const predictor of predictors) await predictor.close();
    });
  });

  it("has labels of its own for each number of folds, and finds its trainings again", async () => {
    await withNodes(async (cluster, nodes) => {
      const trainings = (): number => nodes.reduce((sum, { compute }) => sum + compute.trainings, 0);
      const labellingOf = (report: Report): string | undefined => report.teachers[0]?.labelling;
      const three = await cluster.run(crossFitted(3), "r1");
      const four = await cluster.run(crossFitted(4), "r2");
      expect(trainings()).toBe(7);
      const again = await cluster.run(crossFitted(3), "r3");
      expect(trainings()).toBe(7);
      expect(labellingOf(again)).toBe(labellingOf(three));
      expect(labellingOf(four)).not.toBe(labellingOf(three));
      expect(again.teachers[0]?.source).toBe("reused");
      expect(again.teacherPasses).toEqual({ made: 0, saved: SMALL_ROWS });
      expect(again.student.weightsHash).toBe(three.student.weightsHash);
    });
  });

  it("is trained on nothing that it labels: labels in its fold change no bit of it", async () => {
    const { data, teachers } = crossFitted(3);
    const dataset = await openDataset(data, "");
    const { model, train } = teachers[0] as TrainedTeacherSpec;
    const weightsOf = async (from: Dataset, index: number): Promise<string> => {
      const training = { name: "cleo", model, train, dataHash: from.hash, compute: smallSpec().compute };
      const task = { ...training, checkpoint: null, checkpointMs: 1e9 };
      const hooks = {
        onProgress: () => undefined,
        onCheckpoint: async () => undefined,
        isInterrupted: () => false,
      };
      const fold = { index, of: 3 };
      return (await trainTeacher({ ...task, fold }, from, settings(), hooks)).weightsHash;
    };
    // Another class for each sample of fold 0.
    const labels = dataset.labels.map((ofShard, place) =>
      ofShard.map((label, row) =>
        foldOfRow(dataset.shards[place] as Dataset["shards"][number], row, 3) === 0 ? (label + 1) % 4 : label,
      ),
    );
    const changed = { ...dataset, labels };
    expect(await weightsOf(changed, 0)).toBe(await weightsOf(dataset, 0));
    expect(await weightsOf(changed, 1)).not.toBe(await weightsOf(dataset, 1));
  });
});

describe("a teacher that learns its noisy training data by heart", () => {
  const reportOf = async (crossFit?: number): Promise<Report> => {
    const spec = smallSpec(
      {
        teachers: [
          {
            name: "cleo",
            model: { arch: "mlp", hidden: [128] },
            train: { epochs: 60, batch: 32, optimizer: { kind: "adam", lr: 0.01 } },
            ...(crossFit === undefined ? {} : { crossFit }),
          },
        ],
      },
      { train: 800, test: 200, features: 16, noise: 3, validation: 0.4 },
    );
    let report: Report | undefined;
    await withNodes(async (cluster) => {
      report = await cluster.run(spec);
    });
    return report as Report;
  };
  const warned = ({ warnings }: Report): string[] => warnings.filter((text) => /is surer of/.test(text));

  it("is warned of, with what its labels are on either split, and not once it is cross-fitted", async () => {
    const plain = await reportOf();
    const [teacher] = plain.teachers;
    // 40% of 800 rows are validation.
    expect(teacher?.quality.transfer).toMatchObject({ samples: 480, known: 480 });
    expect(teacher?.quality.validation).toMatchObject({ samples: 320, known: 320 });
    expect(teacher?.quality.transfer.accuracy).toBeGreaterThan(0.97);
    expect(teacher?.quality.validation.accuracy).toBeLessThan(0.9);
    expect(warned(plain)).toHaveLength(1);

    const fitted = await reportOf(4);
    expect(warned(fitted)).toEqual([]);
  });
});
