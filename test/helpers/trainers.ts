import type { BackendName } from "../../shared/compute/backendNames.ts";
import type { ComputeSettings } from "../../shared/compute/computeSettings.ts";
import { labelObjective } from "../../shared/compute/labelObjective.ts";
import { openTrainer } from "../../shared/compute/openTrainer.ts";
import type { Trainer, TrainerOptions } from "../../shared/compute/trainer.ts";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { OptimizerSpec } from "../../shared/config/trainSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { cutLabels, cutShards } from "../../shared/data/shards.ts";
import { idsOf } from "../../shared/data/split.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { buildModel } from "../../shared/model/build.ts";

/** A small model of every kind, and what it takes. */
export const small = {
  mlp: {
    arch: ArchSpec.parse({ arch: "mlp", hidden: [12, 6], dropout: 0.3, inputDropout: 0.1 }),
    inputShape: [4, 4, 1],
  },
  cnn: {
    arch: ArchSpec.parse({ arch: "cnn", channels: [3, 4], dense: 6, dropout: 0.3 }),
    inputShape: [6, 6, 1],
  },
  separable: {
    arch: ArchSpec.parse({
      arch: "separable",
      stem: 4,
      blocks: [{ channels: 6 }, { channels: 5, stride: 2 }],
      dropout: 0.2,
    }),
    inputShape: [8, 8, 1],
  },
  transformer: {
    arch: ArchSpec.parse({
      arch: "transformer",
      vocabulary: 11,
      layers: 2,
      width: 8,
      heads: 2,
      dropout: 0.1,
    }),
    inputShape: [6],
  },
} as const;
export type SmallName = keyof typeof small;
export const smallNames = Object.keys(small) as SmallName[];

export const CLASSES = 3;

/** Samples of three classes that can be told apart: by where an image is bright, or by a token. */
export function smallDataset(name: SmallName, rows = 96): Dataset {
  const { inputShape } = small[name];
  const stream = rng("small", name);
  const labels = Int32Array.from({ length: rows }, () => stream.below(CLASSES));
  const size = inputShape.reduce<number>((product, n) => product * n, 1);
  const inputs = Float32Array.from({ length: rows * size }, (_, i) => {
    const label = labels[Math.floor(i / size)] as number;
    const place = i % size;
    if (name === "transformer") return place < 2 ? 1 + label : place === 5 ? 0 : 4 + stream.below(7);
    return stream.normal() * 0.3 + (place % CLASSES === label ? 1 : 0);
  });
  const shards = cutShards({ rows, inputs, inputShape });
  return {
    name,
    hash: name,
    inputShape,
    classes: CLASSES,
    inputScale: 1,
    shards,
    labels: cutLabels(labels, shards),
    splits: { train: idsOf(shards), validation: new Uint32Array(), test: new Uint32Array() },
  };
}

export const settings = (
  backend: BackendName,
  overrides: Partial<ComputeSettings> = {},
): ComputeSettings => ({
  backend,
  threads: 1,
  spinning: false,
  update: "in-place",
  fallback: false,
  ...overrides,
});

export interface SmallTraining {
  trainer: Trainer;
  /** Takes the batch of a step. */
  run(step: number): Promise<number>;
  close(): Promise<void>;
}

/** A training of a small model on its dataset, in batches of 16. */
export async function smallTraining(
  name: SmallName,
  compute: ComputeSettings,
  overrides: Partial<TrainerOptions> & { arch?: ArchSpec } = {},
): Promise<SmallTraining> {
  const dataset = overrides.dataset ?? smallDataset(name);
  const { inputShape } = small[name];
  const model = buildModel(overrides.arch ?? small[name].arch, inputShape, CLASSES, ["small"]);
  const batch = overrides.batchShapes?.[0]?.rows ?? 16;
  const trainer = await openTrainer(
    {
      model,
      dataset,
      objective: labelObjective(dataset),
      optimizer: OptimizerSpec.parse({ kind: "adam", lr: 0.01 }),
      schedule: { kind: "cosine", warmupSteps: 2, floor: 0 },
      totalSteps: 40,
      stepsPerEpoch: 5,
      maskSeed: ["small"],
      batchShapes: [{ rows: batch }],
      ...overrides,
    },
    compute,
  ).catch((error: unknown) => {
    model.dispose();
    throw error;
  });
  return {
    trainer,
    run: (step) => trainer.step(step, { ids: batchOf(dataset, step, batch) }),
    async close() {
      await trainer.close();
      model.dispose();
    },
  };
}

/** Batches go around the training split. */
export function batchOf({ splits: { train } }: Dataset, step: number, batch: number): Uint32Array {
  return Uint32Array.from({ length: batch }, (_, i) => train[(step * batch + i) % train.length] as number);
}
