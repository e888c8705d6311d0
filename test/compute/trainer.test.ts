import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { labelObjective } from "../../shared/compute/labelObjective.ts";
import { TrainingDiverged } from "../../shared/compute/trainer.ts";
import { OptimizerSpec } from "../../shared/config/trainSpec.ts";
import { gatherInputs, gatherLabels } from "../../shared/data/gather.ts";
import { dropoutMask } from "../../shared/model/dropout.ts";
import { type NamedWeight, WeightsMismatch, weightsHash } from "../../shared/model/weights.ts";
import { nativeBackend } from "../helpers/nativeBackend.ts";
import { expectClose, expectNoLeakAsync } from "../helpers/tensors.ts";
import { batchOf, CLASSES, settings, smallDataset, smallNames, smallTraining } from "../helpers/trainers.ts";

const sgd = OptimizerSpec.parse({ kind: "sgd", lr: 0.5, momentum: 0 });
const constant = { kind: "constant", warmupSteps: 0 } as const;
const flat = (weights: readonly NamedWeight[]): number[] => weights.flatMap(({ data }) => [...data]);

describe.each(["cpu", "wasm", "compiled", ...nativeBackend] as const)("a training, on %s", (backend) => {
  beforeAll(async () => {
    expect((await chooseBackend({ prefer: backend })).name).toBe(backend);
  });
  const start = (name: (typeof smallNames)[number], overrides = {}) =>
    smallTraining(name, settings(backend), overrides);

  it.each(smallNames)("lowers the loss of a learnable task and leaks nothing (%s)", async (name) => {
    await expectNoLeakAsync(async () => {
      const { run, close } = await start(name);
      const losses: number[] = [];
      for (let step = 0; step < 40; step++) losses.push(await run(step));
      const mean = (values: number[]): number => values.reduce((a, b) => a + b) / values.length;
      expect(mean(losses.slice(-10))).toBeLessThan(mean(losses.slice(0, 10)) * 0.9);
      await close();
    });
  });

  it("a step of plain SGD moves each weight by the learning rate times its gradient", async () => {
    const dataset = smallDataset("mlp");
    const { trainer, run, close } = await start("mlp", { optimizer: sgd, schedule: constant });
    const before = trainer.weights();
    const ids = batchOf(dataset, 0, 16);
    const masks = [
      dropoutMask([16, 16], 0.1, ["small"], 0, "dropout_0"),
      dropoutMask([16, 12], 0.3, ["small"], 0, "dropout_1"),
      dropoutMask([16, 6], 0.3, ["small"], 0, "dropout_2"),
    ] as const;
    const gradients = tf.tidy(() => {
      const variables = before.map(({ data, shape }) => tf.variable(tf.tensor(data.slice(), shape)));
      const x = tf.tensor2d(gatherInputs(dataset, ids), [16, 16]).mul(tf.tensor(masks[0], [16, 16]));
      // The network written out, instead of the layers.
      const { grads } = tf.variableGrads(() => {
        const [w1, b1, w2, b2, w3, b3] = variables as unknown as tf.Tensor2D[];
        const one = tf
          .relu(x.matMul(w1 as tf.Tensor2D).add(b1 as tf.Tensor))
          .mul(tf.tensor(masks[1], [16, 12]));
        const two = tf
          .relu(one.matMul(w2 as tf.Tensor2D).add(b2 as tf.Tensor))
          .mul(tf.tensor(masks[2], [16, 6]));
        const logits = two.matMul(w3 as tf.Tensor2D).add(b3 as tf.Tensor);
        const truth = tf.oneHot(tf.tensor1d(gatherLabels(dataset, ids), "int32"), CLASSES);
        return tf.losses.softmaxCrossEntropy(truth, logits) as tf.Scalar;
      }, variables);
      const values = variables.map(({ name }) => [...(grads[name] as tf.Tensor).dataSync()]);
      tf.dispose(variables);
      return values;
    });
    await run(0);
    trainer.weights().forEach(({ data }, k) => {
      const expected = gradients[k]?.map((g, i) => (before[k]?.data[i] as number) - 0.5 * g) ?? [];
      expectClose(data, expected, 1e-5, 0.1);
    });
    await close();
  });

  it.each(smallNames)("resumed from a snapshot gives the bits of an unbroken one (%s)", async (name) => {
    const unbroken = await start(name);
    for (let step = 0; step < 6; step++) await unbroken.run(step);

    const first = await start(name);
    for (let step = 0; step < 3; step++) await first.run(step);
    const snapshot = structuredClone(first.trainer.snapshot());
    for (let step = 3; step < 5; step++) await first.run(step); // lost work
    const second = await start(name);
    await expectNoLeakAsync(async () => second.trainer.restore(snapshot));
    for (let step = 3; step < 6; step++) await second.run(step);

    expect(weightsHash(second.trainer.weights())).toBe(weightsHash(unbroken.trainer.weights()));
    for (const { close } of [unbroken, first, second]) await close();
  });

  it("a snapshot is a copy", async () => {
    const { trainer, run, close } = await start("mlp");
    await run(0);
    const snapshot = trainer.snapshot();
    const kept = structuredClone(snapshot);
    await run(1);
    expect(snapshot).toEqual(kept);
    await close();
  });

  it("with a bound on the norm no step of plain SGD is longer than the rate times the bound", async () => {
    const { trainer, run, close } = await start("mlp", {
      optimizer: sgd,
      schedule: constant,
      clipNorm: 0.01,
    });
    const before = flat(trainer.weights());
    await run(0);
    const length = Math.hypot(...flat(trainer.weights()).map((value, i) => value - (before[i] as number)));
    expectClose(length, 0.5 * 0.01, 1e-4);
    await close();
  });

  it("names the step whose loss is no number, keeps the weights, and leaks nothing", async () => {
    const dataset = smallDataset("mlp");
    const objective = labelObjective(dataset);
    const { trainer, run, close } = await start("mlp", { dataset, objective });
    await run(0);
    const before = weightsHash(trainer.weights());
    dataset.shards[0]?.inputs.fill(Number.NaN);
    await expectNoLeakAsync(async () => {
      await expect(run(1)).rejects.toThrow(TrainingDiverged);
      await expect(run(1)).rejects.toThrow(/step 1 as the loss is NaN/);
    });
    expect(weightsHash(trainer.weights())).toBe(before);
    await close();
  });

  it("refuses a snapshot of another model", async () => {
    const one = await start("mlp");
    const other = await start("cnn");
    await other.run(0);
    expect(() => one.trainer.restore(other.trainer.snapshot())).toThrow(WeightsMismatch);
    for (const { close } of [one, other]) await close();
  });
});
