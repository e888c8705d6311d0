import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import {
  TrainingDiverged,
  TrainingStep,
  type TrainingStepOptions,
} from "../../shared/compute/trainingStep.ts";
import { ArchSpec, type OptimizerSpec } from "../../shared/config/spec.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { crossEntropy } from "../../shared/distill/losses/crossEntropy.ts";
import { buildModel } from "../../shared/model/build.ts";
import { readWeights, WeightsMismatch, weightsHash } from "../../shared/model/weights.ts";
import { expectClose, expectNoLeak, onEachBackend } from "../helpers/tensors.ts";

const mlp = ArchSpec.parse({ arch: "mlp", hidden: [12, 6], dropout: 0.3, inputDropout: 0.1 });
const cnn = ArchSpec.parse({ arch: "cnn", channels: [3], dense: 6, dropout: 0.3 });
const sgd: OptimizerSpec = { kind: "sgd", lr: 0.5, momentum: 0, nesterov: false, weightDecay: 0 };
const adam: OptimizerSpec = { kind: "adam", lr: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const rows = 16;
const inputShape = [4, 4, 1];

function setUp(arch: ArchSpec, overrides: Partial<TrainingStepOptions> = {}) {
  const model = buildModel(arch, inputShape, 3, ["training-step"]);
  const stepper = new TrainingStep({
    model,
    optimizer: adam,
    schedule: { kind: "cosine", warmupSteps: 2, floor: 0 },
    totalSteps: 10,
    stepsPerEpoch: 5,
    maskSeed: ["training-step"],
    ...overrides,
  });
  return { model, stepper, hash: () => weightsHash(readWeights(model)) };
}

/** The batch of a step: three classes, told apart by where the inputs are large. */
function batch(step: number): { inputs: Float32Array; labels: Int32Array } {
  const random = rng("batch", step);
  const labels = Int32Array.from({ length: rows }, () => random.below(3));
  const inputs = Float32Array.from(
    { length: rows * 16 },
    (_, i) => random.normal() * 0.3 + ((i % 16) % 3 === labels[Math.floor(i / 16)] ? 1 : 0),
  );
  return { inputs, labels };
}

function run(stepper: TrainingStep, step: number): number {
  const { inputs, labels } = batch(step);
  const tensor = tf.tensor(inputs, [rows, ...inputShape]);
  const { loss } = stepper.run(step, tensor, () => {
    const truth = tf.tensor1d(labels, "int32");
    return (logits) => crossEntropy(logits, truth);
  });
  tensor.dispose();
  return loss;
}

onEachBackend("TrainingStep", () => {
  it.each([mlp, cnn])("lowers the loss of a learnable task and leaks nothing ($arch)", (arch) => {
    const { model, stepper } = setUp(arch, { totalSteps: 40 });
    const losses = Array.from({ length: 40 }, (_, step) => expectNoLeak(() => run(stepper, step)));
    const mean = (values: number[]): number => values.reduce((a, b) => a + b) / values.length;
    expect(mean(losses.slice(-10))).toBeLessThan(mean(losses.slice(0, 10)) * 0.8);
    model.dispose();
  });

  it("a plain SGD step moves each weight by the learning rate times its gradient", () => {
    const plain = ArchSpec.parse({ arch: "mlp", hidden: [5] });
    const { model, stepper } = setUp(plain, {
      optimizer: sgd,
      schedule: { kind: "constant", warmupSteps: 0 },
    });
    const { inputs, labels } = batch(0);
    const before = readWeights(model);
    const gradients = tf.tidy(() => {
      const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
      const x = tf.tensor(inputs, [rows, 16]);
      // The network written out, instead of the layers.
      const { grads } = tf.variableGrads(() => {
        const [w1, b1, w2, b2] = variables as tf.Tensor[] as [tf.Tensor2D, tf.Tensor, tf.Tensor2D, tf.Tensor];
        const logits = tf.relu(tf.matMul(x, w1).add(b1)).matMul(w2).add(b2);
        return tf.losses.softmaxCrossEntropy(tf.oneHot(tf.tensor1d(labels, "int32"), 3), logits) as tf.Scalar;
      }, variables);
      return variables.map(({ name }) => [...(grads[name] as tf.Tensor).dataSync()]);
    });
    run(stepper, 0);
    readWeights(model).forEach(({ data }, k) => {
      const expected = gradients[k]?.map((g, i) => (before[k]?.data[i] as number) - 0.5 * g) ?? [];
      expectClose(data, expected, 1e-5, 0.1);
    });
    model.dispose();
  });

  it.each([mlp, cnn])("resumed from a snapshot gives the bits of an unbroken training ($arch)", (arch) => {
    const unbroken = setUp(arch);
    for (let step = 0; step < 6; step++) run(unbroken.stepper, step);

    const first = setUp(arch);
    for (let step = 0; step < 3; step++) run(first.stepper, step);
    const snapshot = structuredClone(first.stepper.snapshot());
    for (let step = 3; step < 5; step++) run(first.stepper, step); // lost work
    const second = setUp(arch);
    expectNoLeak(() => second.stepper.restore(snapshot));
    for (let step = 3; step < 6; step++) run(second.stepper, step);

    expect(second.hash()).toBe(unbroken.hash());
    for (const { model } of [unbroken, first, second]) model.dispose();
  });

  it("a snapshot is a copy", () => {
    const { model, stepper } = setUp(mlp);
    run(stepper, 0);
    const snapshot = stepper.snapshot();
    const kept = structuredClone(snapshot);
    run(stepper, 1);
    expect(snapshot).toEqual(kept);
    model.dispose();
  });

  it("with a bound on the norm no step of plain SGD is longer than the rate times the bound", () => {
    const { model, stepper } = setUp(mlp, {
      optimizer: sgd,
      schedule: { kind: "constant", warmupSteps: 0 },
      clipNorm: 0.01,
    });
    const before = readWeights(model).flatMap(({ data }) => [...data]);
    run(stepper, 0);
    const after = readWeights(model).flatMap(({ data }) => [...data]);
    const length = Math.hypot(...after.map((value, i) => value - (before[i] as number)));
    expectClose(length, 0.5 * 0.01, 1e-4);
    model.dispose();
  });

  it("names the step whose loss is no number, keeps the weights, and leaks nothing", () => {
    const { model, stepper, hash } = setUp(mlp);
    run(stepper, 0);
    const before = hash();
    const tensor = tf.fill([rows, ...inputShape], Number.NaN);
    const labels = batch(0).labels;
    expectNoLeak(() => {
      const diverge = (): unknown =>
        stepper.run(1, tensor, () => {
          const truth = tf.tensor1d(labels, "int32");
          return (logits) => crossEntropy(logits, truth);
        });
      expect(diverge).toThrow(TrainingDiverged);
      expect(diverge).toThrow(/step 1 as the loss is NaN/);
    });
    expect(hash()).toBe(before);
    tensor.dispose();
    model.dispose();
  });

  it("refuses a snapshot of another model", () => {
    const one = setUp(mlp);
    const other = setUp(cnn);
    run(other.stepper, 0);
    expect(() => one.stepper.restore(other.stepper.snapshot())).toThrow(WeightsMismatch);
    for (const { model } of [one, other]) model.dispose();
  });
});
