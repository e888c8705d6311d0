import { beforeAll, describe, expect, it } from "vitest";
import { PlanRefused, planRun } from "../../coordinator/plan.ts";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { RunSpec } from "../../shared/config/spec.ts";
import { gatherLabels } from "../../shared/data/gather.ts";
import { openDataset } from "../../shared/data/open.ts";
import { buildModel, countParameters } from "../../shared/model/build.ts";
import { parameterCount } from "../../shared/model/parameterCount.ts";
import { preferredBackend } from "../helpers/preferredBackend.ts";
import { fileTeacher, smallSpec, trainedTeacher } from "../helpers/smallRun.ts";
import { expectNoLeak } from "../helpers/tensors.ts";

const planOf = async (spec: ReturnType<typeof smallSpec>) => planRun(spec, await openDataset(spec.data, ""));

describe("the plan of a run", () => {
  it("counts chunks, passes, trainings, steps and parameters", async () => {
    const plan = await planOf(
      smallSpec({ teachers: [fileTeacher("ada"), trainedTeacher("cleo")], seeds: [4, 7], baseline: true }),
    );
    // 200 rows in chunks of 32 are 7, the last of 8; 50 test rows are 2.
    expect(plan.chunks.map(({ view: _, ...chunk }) => chunk)).toEqual([
      ...[0, 1, 2, 3, 4, 5, 6].map((chunk) => ({ shard: 0, chunk })),
      { shard: 1, chunk: 0 },
      { shard: 1, chunk: 1 },
    ]);
    expect(plan.samplesPerTeacher).toBe(250);
    expect(plan.passes).toBe(500);
    // 5 inputs, 6 hidden units, 4 classes: 5*6 + 6 + 6*4 + 4 = 64; with 8 units 5*8 + 8 + 8*4 + 4 = 84.
    const student = { parameters: 64, epochs: 2, stepsPerEpoch: 6 };
    expect(plan.trainings).toEqual([
      { name: "teacher cleo", parameters: 84, epochs: 2, stepsPerEpoch: 6 },
      { name: "student, seed 4", ...student },
      { name: "student alone, seed 4", ...student },
      { name: "student, seed 7", ...student },
      { name: "student alone, seed 7", ...student },
    ]);
  });

  it("counts bytes: two or four a logit, and an envelope a chunk", async () => {
    const half = await planOf(smallSpec());
    const float = await planOf(smallSpec({ labels: { chunkSize: 32, encoding: "float32" } }));
    expect(half.labelBytes - 250 * 4 * 2).toBe(float.labelBytes - 250 * 4 * 4);
    const envelopes = half.labelBytes - 250 * 4 * 2;
    expect(envelopes % 9).toBe(0);
    // An envelope names labelling, shard, view and digest in 32 digits each, and little else.
    expect(envelopes / 9).toBeGreaterThan(4 * 32);
    expect(envelopes / 9).toBeLessThan(600);
  });

  it("counts the bytes of each teacher's own encoding", async () => {
    const { rowBytes, labelBytes } = await planOf(
      smallSpec({
        teachers: [
          fileTeacher("ada"),
          { ...fileTeacher("bea"), encoding: { kind: "top-k", k: 2, temperatures: [4] } },
          { ...fileTeacher("cleo"), encoding: { kind: "sampled", draws: 3 } },
        ],
        labels: { chunkSize: 32, encoding: "int8" },
      }),
    );
    // Of 4 classes: 8 and a byte each; 2 of a byte and a half with tails at T = 1 and 4; 3 of a byte, a count and a half.
    expect(rowBytes).toEqual([12, 2 * 3 + 2 * 4, 3 * 5]);
    const envelopes = labelBytes - 250 * (12 + 14 + 15);
    expect(envelopes / 27).toBeGreaterThan(4 * 32);
    expect(envelopes / 27).toBeLessThan(600);
  });

  it("leaves out chunks without a selected sample", async () => {
    const plan = await planOf(smallSpec({ labels: { chunkSize: 8 } }, { limit: 8, validation: 0.5 }));
    // 8 samples are in 8 of the 25 chunks at most; the 50 test rows are 7 chunks, the last of 2.
    const train = plan.chunks.filter(({ shard }) => shard === 0).length;
    expect(train).toBeLessThanOrEqual(8);
    expect(plan.chunks.length - train).toBe(7);
    expect(plan.samplesPerTeacher).toBe(train * 8 + 50);
  });

  it("is refused when the labels take more bytes than the spec allows, and says both", async () => {
    const allow = (maxLogBytes: number) => planOf(smallSpec({ labels: { chunkSize: 32, maxLogBytes } }));
    const { labelBytes } = await planOf(smallSpec());
    await expect(allow(labelBytes)).resolves.toMatchObject({ labelBytes });
    await expect(allow(labelBytes - 1)).rejects.toThrow(PlanRefused);
    await expect(allow(labelBytes - 1)).rejects.toThrow(
      new RegExp(
        `labels.maxLogBytes is ${labelBytes - 1}: the labels of 250 samples take about ${labelBytes} bytes`,
      ),
    );
  });
});

describe("the plan of a student node's label store", () => {
  // 200 rows in 8 chunks of 25 and 50 in 2, of 4 classes in two bytes: 10 chunks of 200 bytes.
  const planned = (student: object, patch: Parameters<typeof smallSpec>[0] = {}) =>
    planOf(
      smallSpec({
        student: {
          ...smallSpec().student,
          shuffle: "windows",
          shuffleChunks: 2,
          labelStoreBytes: 600,
          ...student,
        },
        labels: { chunkSize: 25 },
        ...patch,
      }),
    );

  it("says what the disk keeps, what each epoch reads again, and what memory holds of it", async () => {
    const { store } = await planned({});
    // Kept are the first three training chunks: five are left, and the two of the test split, which no epoch reads. Two
    // windows of 50 samples are more than one and a batch of 32.
    expect(store).toEqual({
      bytes: 2000,
      fileBytes: 600,
      readAgainBytes: [1000, 1000],
      heldBytes: 2 * 50 * 8,
    });
    const { store: large } = await planned({ train: { epochs: 2, batch: 64 } });
    expect(large.heldBytes).toBe((50 + 64) * 8);
    const { store: whole } = await planned({ labelStoreBytes: 2000 });
    expect(whole).toEqual({ bytes: 2000, fileBytes: 2000, readAgainBytes: [0, 0], heldBytes: 0 });
  });

  it("counts of fresh views those that students may need still, which share what room there is", async () => {
    const noise = { kind: "noise", deviation: 0.5 } as const;
    const views = { count: "fresh" as const, recipe: [noise] };
    const fresh = (epochs: number, labelStoreBytes: number) =>
      planned({ train: { epochs, batch: 32 }, labelStoreBytes, checkpointSteps: 3 }, { views });
    // 10 chunks of the samples themselves, and 8 of each of two other views, of which 4 are kept.
    const { store: few } = await fresh(3, 2800);
    expect(few).toMatchObject({ bytes: 2000 + 2 * 1600, readAgainBytes: [0, 1200, 1200] });
    // A window of one view, as there are checkpoints each half epoch: with the one that students are in and one that they are
    // past three, however many epochs there are.
    const { store: many } = await fresh(40, 2000 + 3 * 1600);
    expect(many).toMatchObject({ bytes: 2000 + 3 * 1600, heldBytes: 0 });
    expect(new Set(many.readAgainBytes)).toEqual(new Set([0]));
  });

  it("is refused where later epochs are shuffled over all samples", async () => {
    const all = (student: object) => planned({ shuffle: "all", ...student });
    await expect(all({ labelStoreBytes: 1999 })).rejects.toThrow(PlanRefused);
    await expect(all({ labelStoreBytes: 1999 })).rejects.toThrow(
      /its labels take about 2000 bytes, of which student\.labelStoreBytes lets a student node keep 1999: .* set student\.shuffle to windows, or choose a smaller encoding/,
    );
    await expect(all({ labelStoreBytes: 2000 })).resolves.toBeDefined();
    // The first epoch has windows whatever the others have.
    const once = { labelStoreBytes: 600, train: { epochs: 1, batch: 32 } };
    await expect(all(once)).resolves.toBeDefined();
    const longer = { name: "longer", train: { epochs: 2, batch: 32 } };
    await expect(planned({ shuffle: "all", ...once }, { moreStudents: [longer] })).rejects.toThrow(
      PlanRefused,
    );
  });

  it("counts the epochs of the student that has most, and the batch of the one that has the largest", async () => {
    const longer = { name: "longer", train: { epochs: 4, batch: 80 } };
    const { store } = await planned({}, { moreStudents: [longer] });
    expect(store).toMatchObject({ readAgainBytes: [1000, 1000, 1000, 1000], heldBytes: (50 + 80) * 8 });
  });

  it("is refused where memory cannot hold two windows", async () => {
    await expect(planned({ labelCacheBytes: 800 })).resolves.toBeDefined();
    await expect(planned({ labelCacheBytes: 799 })).rejects.toThrow(
      /up to two windows of 2 chunks, takes 800 bytes, and student\.labelCacheBytes is 799; .* lower student\.shuffleChunks/,
    );
    // What does not fit on the disk is less.
    await expect(planned({ labelStoreBytes: 1201, labelCacheBytes: 799 })).resolves.toBeDefined();
  });
});

describe("teachers that know a part of the classes", () => {
  const specOf = (rule: "bridge" | "own-classes", ...sets: number[][]) =>
    smallSpec({
      teachers: sets.map((classes, k) => ({ ...trainedTeacher(`t${k}`), classes })),
      ensemble: { rule },
    } as Parameters<typeof smallSpec>[0]);
  const planned = (...of: Parameters<typeof specOf>) => planOf(specOf(...of));

  it("are trained on samples of these alone, with as many outputs", async () => {
    const { trainings } = await planned("bridge", [0, 1], [1, 2, 3]);
    // 5 features, 8 hidden units: 48 and then 9 for each class.
    expect(trainings.slice(0, 2).map(({ parameters }) => parameters)).toEqual([48 + 18, 48 + 27]);
    // Of 180 training samples about a half and three quarters, in batches of 32.
    expect(trainings[0]?.stepsPerEpoch).toBeLessThan(trainings[1]?.stepsPerEpoch as number);
    expect(trainings[1]?.stepsPerEpoch).toBeLessThan(6);
  });

  it("are refused where they cannot be joined, or know what the data lacks", async () => {
    await expect(planned("bridge", [0, 1], [2, 3])).rejects.toThrow(
      /do not hang together \(t0 \[0, 1\]; t1 \[2, 3\]\)/,
    );
    await expect(planned("own-classes", [0, 1], [2, 3])).resolves.toBeDefined();
    await expect(planned("own-classes", [0, 7])).rejects.toThrow(
      /teachers\[0\].classes has class 7: the data has 4/,
    );
  });

  it.each(["train", "validation"] as const)(
    "are refused to be trained where %s has none of theirs",
    async (split) => {
      const spec = specOf("own-classes", [0, 1], [2, 3]);
      const dataset = await openDataset(spec.data, "");
      const classOf = (id: number) => gatherLabels(dataset, [id])[0] as number;
      const splits = { ...dataset.splits, [split]: dataset.splits[split].filter((id) => classOf(id) < 2) };
      expect(() => planRun(spec, { ...dataset, splits })).toThrow(
        /teacher "t1" is to be trained on classes \[2, 3\]: no (training|validation) sample has a label of these/,
      );
    },
  );
});

describe("a term between samples", () => {
  const file = { format: "tfjs-layers", path: "big.json", output: "logits" };
  const planned = (term: object, student: object = {}, teachers?: object[]) => {
    const base = smallSpec();
    const spec = RunSpec.parse({
      ...base,
      student: { ...base.student, ...student },
      distill: { terms: [term] },
      ...(teachers && { teachers }),
    });
    return planOf(spec);
  };
  // 180 training samples in batches of 32; logits of 4 on both sides.
  const values = 4 * 16 * 32 * (4 + 4);

  it("is planned with the memory that it takes in a step and from step to step", async () => {
    // Angles of 32 rows: their cube; distances: their square; 64 arrays of floats each.
    const { insideBytes } = await planned({ kind: "rkd" });
    expect(insideBytes).toEqual([
      { name: "rkd of logits and logits", step: values + 4 * 64 * (32 ** 2 + 32 ** 3), memory: 0 },
    ]);
    // An eighth of 180 are 22 negatives of 16 numbers, 12 arrays, with scores of two sides for 32 samples, 40 arrays.
    const { insideBytes: crd } = await planned({ kind: "crd", dimension: 16 });
    expect(crd).toMatchObject([
      { step: values + 4 * 12 * 22 * 16 + 4 * 40 * 2 * 32 * 22, memory: 2 * 2 * 180 * 16 },
    ]);
  });

  it("is refused above `student.maxTermBytes`, with what it would take", async () => {
    const crd = { kind: "crd", negatives: 16384, shared: false };
    const { insideBytes } = await planned(crd, { maxTermBytes: 2 ** 33 });
    const { step = 0, memory = 0 } = insideBytes[0] ?? {};
    // The paper's own: 32 x 16,384 x 128 floats are 268 MB, six times for each of two sides.
    expect(step).toBeGreaterThan(4 * 12 * 32 * 16384 * 128);
    const limit = step + memory - 1;
    await expect(planned(crd, { maxTermBytes: limit })).rejects.toThrow(PlanRefused);
    await expect(planned(crd, { maxTermBytes: limit })).rejects.toThrow(
      new RegExp(
        `student.maxTermBytes is ${limit}: its terms take up to ${limit + 1} bytes.*shared negatives`,
      ),
    );
  });

  it("is refused where one sample's labels are larger than a message, with the feature that makes them so", async () => {
    const wide = {
      name: "big",
      model: { ...file, features: { maps: { of: "conv", shape: [56, 56, 128] } } },
    };
    const term = { kind: "crd", feature: "maps", dimension: 2, negatives: 1 };
    // 56 x 56 x 128 numbers of two bytes, and 4 logits.
    await expect(planned(term, {}, [wide])).rejects.toThrow(
      /by teacher "big" take 802824 bytes, and a message holds 524288; its feature "maps" takes 802816 of them: average it \(pool\)/,
    );
  });

  it("is refused where it wants a feature that no teacher of the run exposes", async () => {
    await expect(planned({ kind: "rkd", feature: "late" })).rejects.toThrow(
      /"ada" does not expose the feature "late"; it exposes none/,
    );
  });
});

describe("parameterCount()", () => {
  beforeAll(async () => {
    await chooseBackend({ prefer: preferredBackend });
  });

  it.each([
    [{ arch: "mlp", hidden: [] }, [7], 3],
    [{ arch: "mlp", hidden: [5, 4], dropout: 0.5, inputDropout: 0.2 }, [7], 3],
    [{ arch: "mlp", hidden: [5] }, [4, 3, 2], 10],
    [{ arch: "cnn", channels: [3], dense: 5 }, [4, 4, 1], 2],
    [{ arch: "cnn", channels: [3, 4], dense: 5, dropout: 0.5 }, [7, 9, 2], 6],
  ])("is what the model has: %o on %o to %i classes", (written, inputShape, classes) => {
    const arch = ArchSpec.parse(written);
    expectNoLeak(() => {
      const model = buildModel(arch, inputShape, classes, ["count"]);
      expect(parameterCount(arch, inputShape, classes)).toBe(countParameters(model));
      model.dispose();
    });
  });
});
