import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunSpec } from "../../shared/config/spec.ts";
import { gatherInputs, gatherLabels } from "../../shared/data/gather.ts";
import { openDataset } from "../../shared/data/open.ts";
import type { Report, SeedResult } from "../../shared/evaluate/reportSchema.ts";
import { buildModel } from "../../shared/model/build.ts";
import { readWeights } from "../../shared/model/weights.ts";
import { withCluster } from "../helpers/inProcessRun.ts";
import { smallSpec, writeTeacherFiles } from "../helpers/smallRun.ts";

let files: Awaited<ReturnType<typeof writeTeacherFiles>>;
beforeAll(async () => {
  files = await writeTeacherFiles("ada");
});
afterAll(() => files.remove());

async function reportOf(spec: RunSpec): Promise<Report> {
  let report: Report | undefined;
  await withCluster(files.dir, async (cluster) => {
    cluster.teacher("t1");
    cluster.student("s1", { workers: 2 });
    report = await cluster.run(spec);
  });
  return report as Report;
}

const kd = (alpha: number) => ({ loss: { kind: "kd" as const, temperature: 4, alpha } });
const student = (train: object) => ({
  model: { arch: "mlp" as const, hidden: [6] },
  train: { epochs: 2, batch: 32, ...train },
});
const firstOf = ({ seeds }: Report): { student: SeedResult; baseline: SeedResult } => {
  const [first] = seeds;
  if (!first?.baseline) throw new Error("the run has no baseline");
  return { student: first.student, baseline: first.baseline };
};

describe("the student and the student alone", () => {
  it("are the same when the teachers weigh nothing", async () => {
    // alpha = 0 leaves the cross-entropy: same first weights, order, masks and steps must give the same bits.
    const { student, baseline } = firstOf(await reportOf(smallSpec({ baseline: true, distill: kd(0) })));
    expect(student.weightsHash).toBe(baseline.weightsHash);
    expect(student.curve).toEqual(baseline.curve);
  });

  it("differ when they weigh something", async () => {
    const { student, baseline } = firstOf(await reportOf(smallSpec({ baseline: true, distill: kd(0.5) })));
    expect(student.weightsHash).not.toBe(baseline.weightsHash);
  });
});

describe("samples without a label", () => {
  it("teach the student what the teachers say of them, as if they had one", async () => {
    // At alpha = 1 no label is read; hidden ones must change nothing but the student alone. With 4 visible labels of
    // 180, one a class, most batches have none at all.
    const spec = (labelled?: number) =>
      smallSpec({ baseline: true, distill: kd(1) }, labelled === undefined ? {} : { labelled });
    const [all, few] = [await reportOf(spec()), await reportOf(spec(4))];
    expect(few.data.hash).not.toBe(all.data.hash);
    expect(firstOf(few).student.weightsHash).toBe(firstOf(all).student.weightsHash);
    expect(firstOf(few).baseline.weightsHash).not.toBe(firstOf(all).baseline.weightsHash);
  });

  it("leave the loss a number in batches that have no label", async () => {
    const few = firstOf(await reportOf(smallSpec({ baseline: true, distill: kd(0.5) }, { labelled: 4 })));
    for (const { curve, steps } of [few.student, few.baseline]) {
      expect(steps).toBe(12);
      expect(curve.every(({ trainLoss }) => Number.isFinite(trainLoss))).toBe(true);
    }
  });
});

describe("the last batch of an epoch", () => {
  it("is trained at its true size", async () => {
    // A learning rate of 1e-30 is lost in float32, so the first epoch's loss is that of the first weights. Of 180
    // samples in batches of 32 the last has 20; padded, cut or counted as 32 it would move the mean.
    const spec = smallSpec({
      baseline: true,
      student: student({ epochs: 1, optimizer: { kind: "sgd", lr: 1e-30 } }),
    });
    const { baseline } = firstOf(await reportOf(spec));
    expect(baseline.steps).toBe(Math.ceil(180 / 32));
    expect(baseline.curve[0]?.trainLoss).toBeCloseTo(await lossByHand(spec), 5);
  });

  it("is the only one where there are fewer samples than a batch has", async () => {
    const spec = smallSpec({ student: student({ batch: 1000, epochs: 3 }) });
    expect((await reportOf(spec)).seeds[0]?.student.steps).toBe(3);
  });

  /** Mean cross-entropy of the first weights over the training split, in float64 and plain loops. */
  async function lossByHand({ data, seed, seeds, student: { model } }: RunSpec): Promise<number> {
    const dataset = await openDataset(data, "");
    const built = buildModel(model, dataset.inputShape, dataset.classes, [
      "student",
      seed,
      seeds[0] as number,
    ]);
    const [w1, b1, w2, b2] = readWeights(built).map(({ data }) => data) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    built.dispose();
    const ids = dataset.splits.train;
    const [inputs, labels] = [gatherInputs(dataset, ids), gatherLabels(dataset, ids)];
    const [features, classes] = [dataset.inputShape[0] as number, dataset.classes];
    const dense = (x: number[], w: Float32Array, b: Float32Array): number[] =>
      Array.from(b, (bias, j) =>
        x.reduce((sum, value, i) => sum + value * (w[i * b.length + j] as number), bias),
      );
    let loss = 0;
    for (let row = 0; row < ids.length; row++) {
      const x = [...inputs.subarray(row * features, (row + 1) * features)];
      const logits = dense(
        dense(x, w1, b1).map((value) => Math.max(0, value)),
        w2,
        b2,
      );
      expect(logits).toHaveLength(classes);
      const norm = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
      loss += norm - (logits[labels[row] as number] as number);
    }
    return loss / ids.length;
  }
});

describe("keep: best", () => {
  it("keeps the epoch that was best on validation, for student and student alone", async () => {
    // A rate so high that later epochs are not better ones.
    const train = (epochs: number, keep: "last" | "best") =>
      student({ epochs, keep, optimizer: { kind: "adam", lr: 0.3 } });
    const best = await reportOf(smallSpec({ baseline: true, student: train(6, "best") }));
    const kept = firstOf(best);
    const epochs: number[] = [];
    for (const kind of ["student", "baseline"] as const) {
      const accuracies = kept[kind].curve.map(({ validationAccuracy }) => validationAccuracy);
      expect(accuracies).toHaveLength(6);
      const epoch = accuracies.indexOf(Math.max(...accuracies)) + 1;
      expect(kept[kind].keptEpoch).toBe(epoch);
      // Training so many epochs and no more gives those weights, as the rate is constant.
      const short = firstOf(await reportOf(smallSpec({ baseline: true, student: train(epoch, "last") })));
      expect(short[kind].weightsHash).toBe(kept[kind].weightsHash);
      epochs.push(epoch);
    }
    expect(Math.min(...epochs), "one of the two must not have kept its last epoch").toBeLessThan(6);
  });
});
