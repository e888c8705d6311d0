import { beforeAll, expect, it } from "vitest";
import { chooseBackend } from "../../../shared/compute/backend.ts";
import { labelObjective } from "../../../shared/compute/labelObjective.ts";
import { openTrainer } from "../../../shared/compute/openTrainer.ts";
import { ArchSpec } from "../../../shared/config/archSpec.ts";
import { OptimizerSpec } from "../../../shared/config/trainSpec.ts";
import type { Dataset } from "../../../shared/data/dataset.ts";
import { cutLabels, cutShards } from "../../../shared/data/shards.ts";
import { idsOf } from "../../../shared/data/split.ts";
import { rng } from "../../../shared/determinism/rng.ts";
import { buildModel } from "../../../shared/model/build.ts";
import { weightsHash } from "../../../shared/model/weights.ts";
import { batchOf, settings } from "../../helpers/trainers.ts";

beforeAll(async () => {
  await chooseBackend({ prefer: "wasm" });
});

/** Large enough that ONNX Runtime shares the work of every operator out. */
const large = {
  mlp: { arch: { arch: "mlp", hidden: [512, 256], dropout: 0.2 }, inputShape: [28, 28, 1] },
  cnn: { arch: { arch: "cnn", channels: [16, 32], dense: 64 }, inputShape: [28, 28, 1] },
  separable: {
    arch: { arch: "separable", stem: 16, blocks: [{ channels: 32 }, { channels: 64, stride: 2 }] },
    inputShape: [28, 28, 1],
  },
  transformer: { arch: { arch: "transformer", vocabulary: 500, layers: 2, width: 64 }, inputShape: [32] },
} as const;

function images(inputShape: readonly number[], vocabulary: number | undefined): Dataset {
  const rows = 128;
  const stream = rng("threads");
  const length = inputShape.reduce((product, n) => product * n, rows);
  const inputs = Float32Array.from({ length }, () =>
    vocabulary ? 1 + stream.below(vocabulary - 1) : stream.uniform(),
  );
  const shards = cutShards({ rows, inputs, inputShape });
  const labels = cutLabels(
    Int32Array.from({ length: rows }, () => stream.below(10)),
    shards,
  );
  const splits = { train: idsOf(shards), validation: new Uint32Array(), test: new Uint32Array() };
  return { name: "threads", hash: "", inputShape, classes: 10, inputScale: 1, shards, labels, splits };
}

it.each(Object.entries(large))(
  "a %s has the same weights whenever it is trained with 2 threads",
  async (_, of) => {
    const arch = ArchSpec.parse(of.arch);
    const dataset = images(of.inputShape, arch.arch === "transformer" ? arch.vocabulary : undefined);
    const hashes: string[] = [];
    for (let time = 0; time < 3; time++) {
      const model = buildModel(arch, of.inputShape, 10, ["threads"]);
      const trainer = await openTrainer(
        {
          model,
          dataset,
          objective: labelObjective(dataset),
          optimizer: OptimizerSpec.parse({ kind: "adamw", lr: 1e-3, weightDecay: 0.01 }),
          schedule: { kind: "constant", warmupSteps: 0 },
          totalSteps: 4,
          stepsPerEpoch: 4,
          maskSeed: ["threads"],
          batchShapes: [{ rows: 64 }],
        },
        settings("compiled", { threads: 2 }),
      );
      for (let step = 0; step < 4; step++) await trainer.step(step, { ids: batchOf(dataset, step, 64) });
      hashes.push(weightsHash(trainer.weights()));
      await trainer.close();
      model.dispose();
    }
    expect(new Set(hashes).size).toBe(1);
  },
);
