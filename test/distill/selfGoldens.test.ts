import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import type { Objective, StudentAtWork } from "../../shared/compute/objective.ts";
import { targetTensors } from "../../shared/compute/targetTensors.ts";
import { TermSpec } from "../../shared/config/distillSpec.ts";
import type { SelfTermSpec } from "../../shared/config/selfTermSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { cutLabels, cutShards } from "../../shared/data/shards.ts";
import { idsOf } from "../../shared/data/split.ts";
import { crossEntropy } from "../../shared/distill/losses/crossEntropy.ts";
import { meanTeacherObjective } from "../../student-node/self/meanTeacherObjective.ts";
import { packWeights } from "../../student-node/self/packedWeights.ts";
import { peersObjective } from "../../student-node/self/peersObjective.ts";
import { psKdObjective } from "../../student-node/self/psKdObjective.ts";
import { describeWithGoldens, goldenMatrix, goldenNumber, goldenVector } from "../helpers/golden.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

/** The samples of golden fixture A. */
function fixture(): Dataset {
  const labels = Int32Array.from(goldenVector("A.labels"));
  const rows = labels.length;
  const shards = cutShards({ rows, inputs: new Float32Array(rows), inputShape: [1] });
  const train = idsOf(shards);
  const none = new Uint32Array();
  return {
    name: "A",
    hash: "A",
    inputShape: [1],
    classes: goldenMatrix("A.student")[0]?.length ?? 0,
    inputScale: 1,
    shards,
    labels: cutLabels(labels, shards),
    splits: { train, validation: none, test: none },
  };
}

const flat = (key: string): Float32Array => Float32Array.from(goldenMatrix(key).flat());
const term = <K extends SelfTermSpec["kind"]>(spec: { kind: K }) =>
  TermSpec.parse(spec) as Extract<SelfTermSpec, { kind: K }>;

/** A student of which other weights say what a matrix holds. */
const saying = (key: string): StudentAtWork => ({
  current: () => [],
  predictWith: async () => flat(key),
});

/** The loss of a step for the logits of A's student. */
function lossOf(objective: Objective, dataset: Dataset, step: number, labels = false): number {
  let value = Number.NaN;
  tf.tidy(() => {
    const student = tf.tensor2d(goldenMatrix("A.student"));
    const targets = targetTensors(objective, dataset.splits.train, step);
    const inside = { features: {}, learnt: {}, emit: () => undefined };
    const own = objective.loss(student, targets, inside);
    const truth = tf.tensor1d(goldenVector("A.labels"), "int32");
    value = (labels ? own.add(crossEntropy(student, truth)) : own).dataSync()[0] as number;
  });
  return value;
}

describeWithGoldens("what a student's step makes of", () => {
  it("its answers of the epoch before is PS-KD's value, up to half precision", () => {
    const dataset = fixture();
    const ids = dataset.splits.train;
    // One step an epoch: step 29 is in epoch 30 of 300, so that a = 0.08.
    const objective = psKdObjective({ alpha: 0.8 }, dataset, { epochs: 300, stepsPerEpoch: 1 });
    expect(objective.gather(ids, 29).trust).toEqual(new Float32Array(ids.length));
    void objective.memory?.after(28, { ids }, { logits: flat("A.teacher") }, saying("A.teacher"));
    const a = goldenNumber("pskd.alpha_t(epoch30/300,a_T=.8)");
    expect([...(objective.gather(ids, 29).trust as Float32Array)][0]).toBeCloseTo(a, 6);
    const expected = goldenNumber("pskd.loss(prev-epoch logits=A.teacher)");
    expect(Math.abs(lossOf(objective, dataset, 29) / expected - 1)).toBeLessThan(1e-4);
  });

  it("the average's answers is mean teacher's value", async () => {
    const dataset = fixture();
    const objective = meanTeacherObjective(term({ kind: "mean-teacher" }), dataset);
    await objective.memory?.before?.(0, { ids: dataset.splits.train }, saying("A.teacher"));
    const expected = goldenNumber("meanteacher.consistency MSE(probs) mean_BC");
    expect(lossOf(objective, dataset, 0)).toBeCloseTo(expected, 6);
  });

  it("its peer's answers, with the labels, is deep mutual learning's value; nothing before it hears the peer", async () => {
    const dataset = fixture();
    const hooks = {
      publishWeights: async () => undefined,
      peerWeights: async () => packWeights([]),
    };
    const spec = { ...term({ kind: "peers" }), exchangeSteps: 2 };
    const { objective } = peersObjective(spec, dataset, [2], 10, hooks);
    const step = async (at: number): Promise<number> => {
      await objective.memory?.before?.(at, { ids: dataset.splits.train }, saying("A.teacher"));
      return lossOf(objective, dataset, at, true);
    };
    expect(await step(3)).toBeCloseTo(goldenNumber("ce.hard.student"), 6);
    expect(await step(4)).toBeCloseTo(goldenNumber("dml.loss_net1(peer=A.teacher) CE+KL(p2||p1)"), 6);
  });
});
