import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { labelObjective } from "../../shared/compute/labelObjective.ts";
import type { Objective } from "../../shared/compute/objective.ts";
import { openTrainer } from "../../shared/compute/openTrainer.ts";
import { OptimizerSpec } from "../../shared/config/trainSpec.ts";
import { buildModel } from "../../shared/model/build.ts";
import { tapped, UnknownLayer } from "../../shared/model/tapped.ts";
import { readWeights } from "../../shared/model/weights.ts";
import { expectNoLeakAsync } from "../helpers/tensors.ts";
import { batchOf, CLASSES, settings, small, smallDataset } from "../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const dataset = smallDataset("mlp");
const model = () => buildModel(small.mlp.arch, small.mlp.inputShape, CLASSES, ["small"]);

/** Labels, and a number for each sample that a learnt weight makes of the first layer. */
function inward(own: tf.LayersModel): Objective {
  const plain = labelObjective(dataset);
  const width = (own.getLayer("dense_1").outputShape as number[]).at(-1) as number;
  return {
    ...plain,
    taps: ["dense_1"],
    learnt: [{ name: "reader", shape: [width, 1], initial: new Float32Array(width).fill(0.1) }],
    emits: { read: [1] },
    loss: (logits, targets, student) => {
      const read = tf.matMul(student.features.dense_1 as tf.Tensor2D, student.learnt.reader as tf.Tensor2D);
      student.emit("read", read); // [batch, 1]
      return plain.loss(logits, targets, student).add(read.sub(1).square().mean());
    },
  };
}

async function train(backend: "compiled" | "cpu", update: "in-place" | "in-graph" = "in-place") {
  const own = model();
  const objective = inward(own);
  const opened = tapped(own, objective.taps ?? [], objective.learnt ?? []);
  const trainer = await openTrainer(
    {
      model: opened.model,
      dataset,
      objective,
      optimizer: OptimizerSpec.parse({ kind: "sgd", lr: 0.05, momentum: 0.5 }),
      schedule: { kind: "constant", warmupSteps: 0 },
      totalSteps: 10,
      stepsPerEpoch: 5,
      maskSeed: ["small"],
      batchShapes: [{ rows: 16 }],
    },
    settings(backend, { update }),
  );
  const losses: number[] = [];
  const emitted: number[][] = [];
  for (let step = 0; step < 3; step++) {
    losses.push(await trainer.step(step, { ids: batchOf(dataset, step, 16) }));
    emitted.push([...(trainer.emitted().read as Float32Array)]);
  }
  const logits = await trainer.predict(batchOf(dataset, 0, 4));
  const weights = trainer.weights();
  await trainer.close();
  opened.dispose();
  const left = readWeights(own).map(({ name }) => name);
  own.dispose();
  return { losses, emitted, logits, weights, left };
}

describe("a loss that looks inside its student", () => {
  it("sees a layer, learns a weight of its own and gives numbers out, compiled as with TensorFlow.js", async () => {
    const eager = await train("cpu");
    expect(eager.emitted[0]).toHaveLength(16);
    const reader = eager.weights.find(({ name }) => name === "learnt/reader");
    expect([...(reader?.data ?? [])].some((value) => Math.abs(value - 0.1) > 1e-3)).toBe(true);
    expect(eager.left).not.toContain("learnt/reader");
    for (const update of ["in-place", "in-graph"] as const) {
      const compiled = await train("compiled", update);
      for (const [i, loss] of eager.losses.entries()) expect(compiled.losses[i]).toBeCloseTo(loss, 5);
      for (const [i, one] of eager.emitted.flat().entries()) {
        expect(compiled.emitted.flat()[i]).toBeCloseTo(one, 5);
      }
      for (const [i, one] of eager.logits.entries()) expect(compiled.logits[i]).toBeCloseTo(one, 4);
      expect(compiled.weights.map(({ name }) => name)).toEqual(eager.weights.map(({ name }) => name));
    }
  });

  it("leaves no tensor behind", async () => {
    await expectNoLeakAsync(async () => void (await train("cpu")));
    await expectNoLeakAsync(async () => void (await train("compiled")));
  });

  it("is told which layers there are when it names another", () => {
    const own = model();
    expect(() => tapped(own, ["dense_9"], [])).toThrow(UnknownLayer);
    expect(() => tapped(own, ["dense_9"], [])).toThrow(/"dense_9".*it has \[.*dense_1/);
    own.dispose();
  });
});
