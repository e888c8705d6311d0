import { beforeAll, describe, expect, it } from "vitest";
import { PlanRefused, planRun } from "../../coordinator/plan.ts";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { ArchSpec } from "../../shared/config/spec.ts";
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
    expect(plan.chunks).toEqual([
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
