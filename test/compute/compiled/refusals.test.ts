import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../../shared/compute/backend.ts";
import {
  CompiledDiffers,
  checkGradients,
  checkUpdate,
} from "../../../shared/compute/compiled/checkAgainstEager.ts";
import { BakedIn } from "../../../shared/compute/compiled/compareRecordings.ts";
import { TooManyBatchShapes } from "../../../shared/compute/compiled/compileSteps.ts";
import { ValueReadWhileRecording } from "../../../shared/compute/compiled/record.ts";
import { MaskUsedTwice } from "../../../shared/compute/compiled/trainingGraph.ts";
import { FallbackRefused } from "../../../shared/compute/fallback.ts";
import { labelObjective } from "../../../shared/compute/labelObjective.ts";
import type { Objective } from "../../../shared/compute/objective.ts";
import { openTrainer } from "../../../shared/compute/openTrainer.ts";
import type { TrainerOptions } from "../../../shared/compute/trainer.ts";
import { WeightStore } from "../../../shared/compute/weightStore.ts";
import { OptimizerSpec } from "../../../shared/config/trainSpec.ts";
import { buildModel } from "../../../shared/model/build.ts";
import { SeededDropout } from "../../../shared/model/dropout.ts";
import { UnseededLayer } from "../../../shared/model/unseededLayers.ts";
import { expectNoLeakAsync } from "../../helpers/tensors.ts";
import { batchOf, CLASSES, settings, small, smallDataset, smallTraining } from "../../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const dataset = smallDataset("mlp");

/** The objective of labels with something else in its loss. */
function withLoss(more: (logits: tf.Tensor2D) => tf.Tensor): Objective {
  const plain = labelObjective(dataset);
  return {
    ...plain,
    loss: (logits, targets, student) => plain.loss(logits, targets, student).add(more(logits)),
  };
}

const opening = (objective: Objective, fallback = false) =>
  smallTraining("mlp", settings("compiled", { fallback }), { dataset, objective });

describe("a step is refused that", () => {
  it.each<[string, (logits: tf.Tensor2D) => tf.Tensor, new (...args: never[]) => Error, RegExp]>([
    [
      "draws a number",
      () => tf.scalar(Math.random()),
      BakedIn,
      /a constant of shape \[\].*changes when it is recorded again/,
    ],
    ["draws a tensor", (x) => x.mul(tf.randomUniform(x.shape)).sum(), BakedIn, /drawn or counted/],
    [
      "brings data along",
      (x) =>
        x
          .mean()
          .mul(
            tf.tensor(
              Float32Array.from({ length: 5000 }, (_, i) => i),
              [50, 100],
            ),
          )
          .mean(),
      BakedIn,
      /5000 numbers of shape \[50,100\]/,
    ],
  ])("%s", async (_, more, error, message) => {
    await expectNoLeakAsync(async () => {
      await expect(opening(withLoss(more))).rejects.toThrow(error);
      await expect(opening(withLoss(more))).rejects.toThrow(message);
    });
  });

  it("reads values", async () => {
    const opened = opening(withLoss((x) => tf.scalar(x.dataSync()[0] as number)));
    await expect(opened).rejects.toThrow(ValueReadWhileRecording);
  });

  it("counts how often it is built", async () => {
    let built = 0;
    await expect(opening(withLoss(() => tf.scalar(built++)))).rejects.toThrow(BakedIn);
  });

  it("has another kernel at another batch", async () => {
    const objective = withLoss((x) => (x.shape[0] % 2 === 0 ? x.mean() : x.mean().square()));
    await expect(opening(objective)).rejects.toThrow(/another one when it is recorded with another batch/);
  });

  it("uses a kernel without a rule, by its name, unless the spec allows to go without compiling", async () => {
    const resized = withLoss((x) =>
      tf.image.resizeBilinear(x.reshape([1, 4, 4, 3]) as tf.Tensor4D, [2, 2]).mean(),
    );
    await expect(opening(resized)).rejects.toThrow(FallbackRefused);
    await expect(opening(resized)).rejects.toThrow(
      /kernel ResizeBilinear on inputs of shape \[1,4,4,3\].*10 to 40 times as long.*compute.fallback/,
    );
    const eager = await opening(resized, true);
    expect(await eager.run(0)).toBeGreaterThan(0);
    await eager.close();
  });

  it("needs more shapes of a batch than are kept", async () => {
    const batchShapes = Array.from({ length: 9 }, (_, i) => ({ rows: 8, length: i + 8 }));
    const opened = smallTraining("mlp", settings("compiled"), { batchShapes });
    await expect(opened).rejects.toThrow(TooManyBatchShapes);
    await expect(opened).rejects.toThrow(/batches of 9 shapes \(\[8 x 8, 8 x 9, .*at most 8/);
  });
});

describe("a model is refused that", () => {
  const open = async (layers: tf.layers.Layer[], backend: "cpu" | "compiled") => {
    const inputs = tf.input({ shape: [4, 4, 1] });
    const outputs = layers.reduce((x, layer) => layer.apply(x) as tf.SymbolicTensor, inputs);
    const model = tf.model({ inputs, outputs });
    try {
      const trainer = await openTrainer({ ...options, model }, settings(backend));
      await trainer.close();
    } finally {
      model.dispose();
    }
  };
  const options: Omit<TrainerOptions, "model"> = {
    dataset,
    objective: labelObjective(dataset),
    optimizer: OptimizerSpec.parse({ kind: "sgd", lr: 0.1 }),
    schedule: { kind: "constant", warmupSteps: 0 },
    totalSteps: 1,
    stepsPerEpoch: 1,
    maskSeed: ["refused"],
    batchShapes: [{ rows: 4 }],
  };
  const head = () => [tf.layers.flatten(), tf.layers.dense({ units: CLASSES })];

  it.each(["cpu", "compiled"] as const)("drops units by draws of its own, on %s", async (backend) => {
    const opened = open([tf.layers.dropout({ rate: 0.5, name: "stock" }), ...head()], backend);
    await expect(opened).rejects.toThrow(UnseededLayer);
    await expect(opened).rejects.toThrow(/"stock" is a Dropout.*SeededDropout/);
  });

  it("applies one dropout layer twice", async () => {
    const drop = new SeededDropout({ name: "twice", rate: 0.5 });
    const opened = open([drop, drop, ...head()], "compiled");
    await expect(opened).rejects.toThrow(MaskUsedTwice);
    await expect(opened).rejects.toThrow(/"twice" is applied twice/);
  });

  it("has a dilated convolution, of which TensorFlow.js has no gradient", async () => {
    const dilated = tf.layers.conv2d({ filters: 2, kernelSize: 2, dilationRate: 2 });
    await expect(open([dilated, ...head()], "compiled")).rejects.toThrow(/dilation rates greater than 1/);
  });
});

describe("the first step of a graph is compared with TensorFlow.js, and ends the training where", () => {
  it("its loss or a gradient differs", async () => {
    const { arch, inputShape } = small.mlp;
    const model = buildModel(arch, inputShape, CLASSES, ["small"]);
    const { run, close } = await smallTraining("mlp", settings("cpu"), { dataset });
    const loss = await run(0);
    await close();
    const objective = labelObjective(dataset);
    const options = { model, dataset, objective, maskSeed: ["small"], stepsPerEpoch: 5 };
    // Its gradients are 0, as after a step that left them out.
    const store = new WeightStore(model, OptimizerSpec.parse({ kind: "sgd", lr: 0.1 }));
    const check = (seen: number) =>
      checkGradients("hash", options, store, 0, { ids: batchOf(dataset, 0, 16) }, seen, []);
    await expectNoLeakAsync(async () => {
      expect(() => check(loss)).toThrow(/its gradient of dense_1\/kernel on 16 samples is off by/);
      expect(() => check(99)).toThrow(/its loss on 16 samples is 99, where TensorFlow.js gives/);
      expect(() => check(Number.NaN)).toThrow(CompiledDiffers);
    });
    model.dispose();
  });

  it("but not where a gradient is as small as the rounding of a softmax, as of a student that has learnt its samples", async () => {
    const { arch, inputShape } = small.mlp;
    const model = buildModel(arch, inputShape, CLASSES, ["small"]);
    const plain = labelObjective(dataset);
    // Its gradients are 0, where those of TensorFlow.js have the size of the loss.
    const store = new WeightStore(model, OptimizerSpec.parse({ kind: "sgd", lr: 0.1 }));
    const check = (size: number): void => {
      const objective: typeof plain = { ...plain, loss: (...of) => plain.loss(...of).mul(size) };
      const options = { model, dataset, objective, maskSeed: ["small"], stepsPerEpoch: 5 };
      checkGradients("hash", options, store, 0, { ids: batchOf(dataset, 0, 16) }, 0, []);
    };
    await expectNoLeakAsync(async () => {
      expect(() => check(1e-8)).not.toThrow();
      expect(() => check(1e-4)).toThrow(/its gradient of dense_1\/kernel on 16 samples is off by/);
    });
    model.dispose();
  });

  it("an update in the graph differs from the one in place", () => {
    const right = Float32Array.from([1, 2, 3]);
    expect(() => checkUpdate("weight/a", right.slice(), right)).not.toThrow();
    for (const wrong of [3.001, Number.NaN]) {
      const update = Float32Array.from([1, 2, wrong]);
      expect(() => checkUpdate("weight/a", update, right)).toThrow(CompiledDiffers);
      expect(() => checkUpdate("weight/a", update, right)).toThrow(/update of weight\/a/);
    }
  });
});
