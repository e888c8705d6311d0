import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunSpec } from "../../shared/config/spec.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { reportsOfOneLog } from "../helpers/sharedLog.ts";
import { SMALL_IMAGES, smallImages, smallImagesData } from "../helpers/smallImages.ts";

let files: Awaited<ReturnType<typeof smallImages>>;
beforeAll(async () => {
  files = await smallImages();
});
afterAll(() => files.remove());

const ROWS = SMALL_IMAGES.train + SMALL_IMAGES.test;

function spec(terms: object[], student: object = {}): RunSpec {
  return RunSpec.parse({
    name: "features",
    seeds: [1],
    data: smallImagesData,
    teachers: [
      {
        name: "deep",
        model: { arch: "cnn", channels: [6, 8], dense: 12 },
        train: { epochs: 3, batch: 16 },
        features: { early: "conv_1", late: "pool_2", head: "dense_1" },
      },
    ],
    student: {
      model: { arch: "cnn", channels: [3, 4], dense: 6 },
      train: { epochs: 2, batch: 16 },
      ...student,
    },
    distill: { terms: [{ kind: "kl" }, ...terms] },
    baseline: false,
    labels: { chunkSize: 32 },
    nodes: { teachers: 1, studentWorkers: 1 },
  });
}

const reportsOf = (...specs: RunSpec[]): Promise<Report[]> =>
  reportsOfOneLog(files.dir, specs, (cluster, spec, run) => cluster.run(spec, run));

const terms: Record<string, object> = {
  fitnets: { kind: "fitnets", feature: "late", layer: "pool_2" },
  "attention transfer": { kind: "attention-transfer", feature: "late", layer: "pool_2" },
  vid: { kind: "vid", feature: "late", layer: "pool_2" },
  nst: { kind: "nst", feature: "late", layer: "pool_2" },
  rkd: { kind: "rkd", feature: "head", layer: "dense_1" },
  "similarity preserving": { kind: "similarity-preserving", feature: "head", layer: "dense_1" },
  crd: { kind: "crd", feature: "head", layer: "dense_1", dimension: 8, negatives: 24 },
  "crd with negatives of each sample's own": {
    kind: "crd",
    feature: "head",
    layer: "dense_1",
    dimension: 8,
    negatives: 12,
    shared: false,
  },
};

describe("a student learns from the inside of a teacher", () => {
  it("with weights of its own for each term, and the same again", async () => {
    const specs = [spec([]), ...Object.values(terms).map((term) => spec([term]))];
    const reports = await reportsOf(...specs, ...specs);
    const hashes = reports.map(({ student }) => student.weightsHash);
    expect(new Set(hashes.slice(0, specs.length)).size).toBe(specs.length);
    expect(hashes.slice(specs.length)).toEqual(hashes.slice(0, specs.length));
    // Logits alone, late as values and as attention, and head: four labellings of which each is passed once.
    const made = reports.map(({ teacherPasses }) => teacherPasses.made);
    expect(made.filter((passes) => passes > 0)).toEqual(new Array<number>(4).fill(ROWS));
    // A regressor is no part of the student.
    expect(new Set(reports.map(({ student }) => student.parameters)).size).toBe(1);
  });

  it("from products within chunks as from the features themselves, where all pairs are known", async () => {
    // A chunk holds all there is, so each batch's pairs are known. Products in float32 of features in float32 against
    // products of features in half precision.
    const relations = [
      { kind: "rkd", feature: "early", layer: "dense_1" },
      { kind: "similarity-preserving", feature: "early", layer: "dense_1" },
    ];
    const [values, products] = (await reportsOf(
      { ...spec(relations), labels: { ...spec([]).labels, chunkSize: 150 } },
      {
        ...spec(relations, { shuffle: "windows" }),
        labels: { ...spec([]).labels, chunkSize: 150 },
      },
    )) as [Report, Report];
    const firstLoss = ({ seeds }: Report): number => seeds[0]?.student.curve[0]?.trainLoss as number;
    const [a, b] = [firstLoss(values), firstLoss(products)];
    expect(Math.abs(a - b)).toBeLessThan(2e-3 * Math.abs(a));
    expect(products.labelLog.bytes).not.toBe(values.labelLog.bytes);
  });

  it("from products within chunks of fewer samples than the probe of a node has", async () => {
    const relations = [{ kind: "rkd", feature: "early", layer: "dense_1" }];
    const [report] = (await reportsOf(spec(relations, { shuffle: "windows", shuffleChunks: 1 }))) as [Report];
    expect(report.teacherPasses.made).toBe(ROWS);
    // A row holds 3 logits in half precision and 32 products in full.
    expect(report.bytesPerSampleOnTheWire).toBeGreaterThan(3 * 2 + 32 * 4);
  });

  it("called whatever a run calls it, from passes that another run has made", async () => {
    const renamed = spec([{ kind: "rkd", feature: "top", layer: "dense_1" }]);
    const [teacher] = renamed.teachers as [object];
    const other = RunSpec.parse({ ...renamed, teachers: [{ ...teacher, features: { top: "dense_1" } }] });
    const [first, second] = (await reportsOf(spec([terms.rkd as object]), other)) as [Report, Report];
    expect([first.teacherPasses.made, second.teacherPasses.made]).toEqual([ROWS, 0]);
    expect(second.student.weightsHash).toBe(first.student.weightsHash);
  });

  it("to the same weights where its training was cut off, memory of samples and learnt weights included", async () => {
    // 135 training samples in batches of 16 are 9 steps an epoch, 18 in all.
    const both = spec([terms.crd as object, terms.vid as object], { checkpointSteps: 5 });
    const [calm] = (await reportsOf(both)) as [Report];
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1", { real: true });
      let at = 0;
      const watch = {
        onCheckpoint: (_: unknown, step: number) => {
          at = step;
          if (step === 10) victim.kill();
        },
      };
      const victim = cluster.student("victim", { watch });
      const ended = cluster.coordinator(both).ended;
      await cluster.until(() => at === 10);
      cluster.student("heir");
      const [seed] = (await cluster.drive(ended))?.seeds ?? [];
      expect(seed?.student.lineage.map(({ fromStep }) => fromStep)).toEqual([0, 10]);
      expect(seed?.student.weightsHash).toBe(calm.seeds[0]?.student.weightsHash);
    });
  });

  it("is refused, with the shape that it has, where a spec says another for a model from elsewhere", async () => {
    const wrong = spec([{ kind: "fitnets", feature: "inner", layer: "dense_1" }]);
    const file = { format: "tfjs-layers", path: "model.json", output: "logits" } as const;
    const model = { ...file, features: { inner: { of: "hidden", shape: [9] } } };
    await writeLayersModel(files.dir);
    await withCluster(files.dir, async (cluster) => {
      cluster.teacher("t1", { real: true });
      cluster.student("s1");
      const given = RunSpec.parse({ ...wrong, teachers: [{ name: "old", model }] });
      await expect(cluster.run(given)).rejects.toThrow(
        /feature "inner" of teacher "old" as the spec's shape for it is \[9\]: the model's "hidden" has the shape \[5\].*say shape: \[5\]/,
      );
      const right = { ...model, features: { inner: { of: "hidden", shape: [5] } } };
      const mended = RunSpec.parse({ ...wrong, teachers: [{ name: "old", model: right }] });
      await expect(cluster.run(mended, "r2")).resolves.toMatchObject({ teacherPasses: { made: ROWS } });
    });
  });
});

/** A layers model of the small images: 5 hidden units. */
async function writeLayersModel(dir: string): Promise<void> {
  const { side, classes } = SMALL_IMAGES;
  const model = tf.sequential({
    layers: [
      tf.layers.flatten({ inputShape: [side, side, 1], name: "flat" }),
      tf.layers.dense({ units: 5, activation: "relu", name: "hidden" }),
      tf.layers.dense({ units: classes, name: "out" }),
    ],
  });
  await model.save({
    async save({ modelTopology, weightSpecs, weightData }) {
      const weightsManifest = [{ paths: ["weights.bin"], weights: weightSpecs }];
      await writeFile(join(dir, "model.json"), JSON.stringify({ modelTopology, weightsManifest }));
      await writeFile(join(dir, "weights.bin"), new Uint8Array(weightData as ArrayBuffer));
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    },
  });
  model.dispose();
}
