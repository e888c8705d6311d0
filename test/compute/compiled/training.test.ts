import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseBackend } from "../../../shared/compute/backend.ts";
import { ANY_BATCH } from "../../../shared/compute/compiled/symbolicBatch.ts";
import type { Objective } from "../../../shared/compute/objective.ts";
import { OptimizerSpec } from "../../../shared/config/trainSpec.ts";
import type { Dataset } from "../../../shared/data/dataset.ts";
import { gatherLabels } from "../../../shared/data/gather.ts";
import { rng } from "../../../shared/determinism/rng.ts";
import { distillationLoss } from "../../../shared/distill/distillationLoss.ts";
import { ensembleRules } from "../../../shared/distill/ensembles/registry.ts";
import { plainTermsOf } from "../../../shared/distill/termsOf.ts";
import { type NamedWeight, weightsHash } from "../../../shared/model/weights.ts";
import {
  batchOf,
  CLASSES,
  type SmallName,
  settings,
  smallDataset,
  smallNames,
  smallTraining,
} from "../../helpers/trainers.ts";

// What is not compiled, and what compiled steps are compared with, is the cpu backend.
beforeAll(async () => {
  await chooseBackend({ prefer: "cpu" });
});

const constant = { kind: "constant", warmupSteps: 0 } as const;
const optimizers = {
  "Nesterov momentum": OptimizerSpec.parse({
    kind: "sgd",
    lr: 0.02,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 1e-3,
  }),
  AdamW: OptimizerSpec.parse({ kind: "adamw", lr: 2e-3, weightDecay: 0.01 }),
} as const;

/** Learning from three teachers and from labels, of which every third is missing. */
function distilling(dataset: Dataset): Objective {
  const ids = dataset.splits.train;
  const stream = rng("teachers");
  const logits = [0, 1, 2].map(() =>
    Float32Array.from({ length: ids.length * CLASSES }, () => 2 * stream.normal()),
  );
  const place = new Map([...ids].map((id, i) => [id, i]));
  const names = ["a", "b", "c"];
  return {
    targets: {
      labels: { dtype: "int32", shape: [] },
      ...Object.fromEntries(names.map((name) => [name, { dtype: "float32", shape: [CLASSES] } as const])),
    },
    gather: (batch) => ({
      labels: gatherLabels(dataset, batch).map((label, i) => (i % 3 === 0 ? -1 : label)),
      ...Object.fromEntries(
        names.map((name, k) => [
          name,
          Float32Array.from({ length: batch.length * CLASSES }, (_, i) => {
            const row = place.get(batch[Math.floor(i / CLASSES)] as number) as number;
            return logits[k]?.[row * CLASSES + (i % CLASSES)] as number;
          }),
        ]),
      ),
    }),
    loss: (student, targets) =>
      distillationLoss(plainTermsOf({ loss: { kind: "kd", temperature: 4, alpha: 0.7 } }), {
        student,
        labels: targets.labels as tf.Tensor1D,
        target: (_, temper) =>
          ensembleRules.arithmetic(
            {
              logits: names.map((name) => targets[name] as tf.Tensor2D),
              weights: [1, 1, 1],
              labels: targets.labels as tf.Tensor1D,
              student,
            },
            temper,
          ),
      }),
  };
}

/** Gradients of a step from given weights: what plain SGD takes off, at a rate that loses no digits to the weights. */
async function gradientsAt(name: SmallName, backend: "cpu" | "compiled", from: NamedWeight[], step: number) {
  const dataset = smallDataset(name);
  const lr = 1024;
  const { trainer, run, close } = await smallTraining(name, settings(backend), {
    dataset,
    objective: distilling(dataset),
    optimizer: OptimizerSpec.parse({ kind: "sgd", lr, momentum: 0 }),
    schedule: constant,
  });
  trainer.restore({ weights: from, optimizer: {} });
  await run(step);
  const gradients = trainer.weights().map(({ name, data }, k) => ({
    name,
    values: data.map((value, i) => ((from[k]?.data[i] as number) - value) / lr),
  }));
  await close();
  return gradients.filter(({ name }) => !name.includes("moving_"));
}

const norm = (values: Float32Array): number => Math.hypot(...values);

describe.each(smallNames)("a compiled step of a %s", (name) => {
  it.each([1, 20])("has the gradients of TensorFlow.js at step %i", async (step) => {
    const dataset = smallDataset(name);
    const { trainer, run, close } = await smallTraining(name, settings("cpu"), {
      dataset,
      objective: distilling(dataset),
    });
    for (let before = 0; before < step - 1; before++) await run(before);
    const weights = trainer.weights();
    await close();
    const [eager, compiled] = await Promise.all([
      gradientsAt(name, "cpu", weights, step),
      gradientsAt(name, "compiled", weights, step),
    ]);
    for (const [k, { name: weight, values }] of eager.entries()) {
      const gap = norm(values.map((value, i) => value - (compiled[k]?.values[i] as number)));
      expect(gap, weight).toBeLessThanOrEqual(1e-4 * norm(values) + 1e-6);
    }
  });

  it.each(Object.entries(optimizers))(
    "has the losses of TensorFlow.js for 200 steps (%s)",
    async (_, optimizer) => {
      const dataset = smallDataset(name);
      const overrides = { dataset, objective: distilling(dataset), optimizer, clipNorm: 1, totalSteps: 200 };
      const eager = await smallTraining(name, settings("cpu"), overrides);
      const compiled = await smallTraining(name, settings("compiled"), overrides);
      for (let step = 0; step < 200; step++) {
        const [expected, seen] = [await eager.run(step), await compiled.run(step)];
        expect(Math.abs(seen - expected), `step ${step}: ${seen}, expected ${expected}`).toBeLessThanOrEqual(
          1e-4,
        );
      }
      await eager.close();
      await compiled.close();
    },
  );

  it.each(Object.entries(optimizers))(
    "with the optimiser in the graph gives the same losses (%s)",
    async (_, optimizer) => {
      const overrides = { optimizer, clipNorm: 0.5 };
      const inPlace = await smallTraining(name, settings("compiled"), overrides);
      const inGraph = await smallTraining(name, settings("compiled", { update: "in-graph" }), overrides);
      const losses: [number, number][] = [];
      for (let step = 0; step < 21; step++) losses.push([await inPlace.run(step), await inGraph.run(step)]);
      for (const [expected, seen] of losses) expect(Math.abs(seen - expected)).toBeLessThanOrEqual(2e-5);
      // An odd number of steps: the newest weights are not those of the first set.
      const ids = smallDataset(name).splits.train;
      const [expected, seen] = [await inPlace.trainer.predict(ids), await inGraph.trainer.predict(ids)];
      expect(norm(seen.map((value, i) => value - (expected[i] as number)))).toBeLessThanOrEqual(1e-3);
      await inPlace.close();
      await inGraph.close();
    },
  );

  it("with the optimiser in the graph goes on from a snapshot to the bits of an unbroken training", async () => {
    const compute = settings("compiled", { update: "in-graph" });
    const unbroken = await smallTraining(name, compute);
    for (let step = 0; step < 6; step++) await unbroken.run(step);
    const first = await smallTraining(name, compute);
    for (let step = 0; step < 3; step++) await first.run(step);
    const second = await smallTraining(name, compute);
    second.trainer.restore(structuredClone(first.trainer.snapshot()));
    for (let step = 3; step < 6; step++) await second.run(step);
    expect(weightsHash(second.trainer.weights())).toBe(weightsHash(unbroken.trainer.weights()));
    for (const { close } of [unbroken, first, second]) await close();
  });

  it("predicts any number of samples with one graph", async () => {
    const dataset = smallDataset(name);
    const eager = await smallTraining(name, settings("cpu"));
    const compiled = await smallTraining(name, settings("compiled"));
    await eager.run(0);
    compiled.trainer.restore(eager.trainer.snapshot());
    for (const rows of [1, 5, 96]) {
      const ids = dataset.splits.train.subarray(0, rows);
      const expected = await eager.trainer.predict(ids);
      const seen = await compiled.trainer.predict(ids);
      expect(seen).toHaveLength(expected.length);
      expect(norm(seen.map((value, i) => value - (expected[i] as number)))).toBeLessThanOrEqual(
        1e-5 * norm(expected),
      );
    }
    await eager.close();
    await compiled.close();
  });

  it("trains the last partial batch at its true size", async () => {
    const dataset = smallDataset(name);
    // Not Adam, which turns the noise of a gradient that is zero into steps of its own size.
    const overrides = {
      batchShapes: [{ rows: 16 }, { rows: 7 }],
      optimizer: optimizers["Nesterov momentum"],
    };
    const eager = await smallTraining(name, settings("cpu"), overrides);
    const compiled = await smallTraining(name, settings("compiled"), overrides);
    for (const { trainer, run } of [eager, compiled]) {
      await run(0);
      await trainer.step(1, { ids: batchOf(dataset, 1, 7) });
    }
    const expected = eager.trainer.weights();
    compiled.trainer.weights().forEach(({ name: weight, data }, k) => {
      const other = expected[k]?.data as Float32Array;
      expect(norm(data.map((v, i) => v - (other[i] as number))), weight).toBeLessThanOrEqual(
        1e-5 * norm(other) + 1e-6,
      );
    });
    await expect(compiled.trainer.step(2, { ids: batchOf(dataset, 2, 5) })).rejects.toThrow(
      "Cannot train on a batch of 5: steps are compiled for [16, 7]",
    );
    await eager.close();
    await compiled.close();
  });
});

it("the batch of a graph for any batch is a prime, so that only what comes from it is a multiple", () => {
  for (let n = 2; n * n <= ANY_BATCH; n++) expect(ANY_BATCH % n).not.toBe(0);
  expect(tf.getBackend()).toBe("cpu");
});
