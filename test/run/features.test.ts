import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunSpec } from "../../shared/config/spec.ts";
import type { Report } from "../../shared/evaluate/reportSchema.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
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

/** Runs that share one label log. */
async function reportsOf(...specs: RunSpec[]): Promise<Report[]> {
  const reports: Report[] = [];
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1", { real: true });
    cluster.student("s1");
    for (const [i, one] of specs.entries()) reports.push(await cluster.run(one, `r${i}`));
  });
  return reports;
}

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
});
