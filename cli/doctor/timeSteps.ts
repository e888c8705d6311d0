import type { BackendName } from "../../shared/compute/backendNames.ts";
import type { OnnxDevice } from "../../shared/compute/deviceNames.ts";
import { labelObjective } from "../../shared/compute/labelObjective.ts";
import { loadBackend } from "../../shared/compute/loadBackend.ts";
import { openTrainer } from "../../shared/compute/openTrainer.ts";
import { ArchSpec } from "../../shared/config/archSpec.ts";
import { OptimizerSpec } from "../../shared/config/trainSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { cutLabels, cutShards } from "../../shared/data/shards.ts";
import { idsOf } from "../../shared/data/split.ts";
import { rng } from "../../shared/determinism/rng.ts";
import { median } from "../../shared/evaluate/median.ts";
import { buildModel } from "../../shared/model/build.ts";

/** What is timed on every backend: small enough for plain JavaScript. */
export const timedNets = {
  dense: ArchSpec.parse({ arch: "mlp", hidden: [128, 128] }),
  conv: ArchSpec.parse({ arch: "cnn", channels: [8, 16], dense: 64 }),
};
export type TimedNet = keyof typeof timedNets;
export const timedNetNames = Object.keys(timedNets) as TimedNet[];

export const TIMED_BATCH = 32;
const ROWS = 1024;
const IMAGE = [28, 28, 1];
const CLASSES = 10;
/** The first steps compile and find their speed; then a second is timed, or few steps of a slow backend. */
const WARM_UP = { steps: 2, ms: 500 };
const TIMED = { steps: 3, ms: 1000 };

/** Milliseconds of a training step on a backend: the median of all that were timed. */
export async function timeStep(
  net: TimedNet,
  on: { backend: BackendName; device: OnnxDevice; threads: number },
): Promise<number> {
  const { backend } = on;
  await loadBackend(backend);
  const dataset = noise();
  const model = buildModel(timedNets[net], IMAGE, CLASSES, ["doctor"]);
  const stepsPerEpoch = ROWS / TIMED_BATCH;
  try {
    const trainer = await openTrainer(
      {
        ...{ model, dataset, objective: labelObjective(dataset), maskSeed: ["doctor"] },
        ...{ totalSteps: stepsPerEpoch, stepsPerEpoch, batchShapes: [{ rows: TIMED_BATCH }] },
        optimizer: OptimizerSpec.parse({ kind: "sgd", lr: 0.01 }),
        schedule: { kind: "constant", warmupSteps: 0 },
      },
      { ...on, spinning: false, update: "in-place", fallback: false },
    );
    try {
      const { train } = dataset.splits;
      let done = 0;
      const step = async (): Promise<number> => {
        const from = (done++ % stepsPerEpoch) * TIMED_BATCH;
        const began = performance.now();
        await trainer.step(done - 1, { ids: train.subarray(from, from + TIMED_BATCH) });
        return performance.now() - began;
      };
      await repeat(step, WARM_UP);
      return median(await repeat(step, TIMED));
    } finally {
      await trainer.close();
    }
  } finally {
    model.dispose();
  }
}

async function repeat(
  step: () => Promise<number>,
  { steps, ms }: { steps: number; ms: number },
): Promise<number[]> {
  const times: number[] = [];
  const began = performance.now();
  while (times.length < steps || performance.now() - began < ms) times.push(await step());
  return times;
}

/** Images of noise with labels of noise: what is learnt does not matter. */
function noise(): Dataset {
  const stream = rng("doctor");
  const labels = Int32Array.from({ length: ROWS }, () => stream.below(CLASSES));
  const inputs = Float32Array.from({ length: ROWS * 28 * 28 }, () => stream.normal());
  const shards = cutShards({ rows: ROWS, inputs, inputShape: IMAGE });
  return {
    ...{ name: "doctor", hash: "doctor", inputShape: IMAGE, classes: CLASSES, inputScale: 1, shards },
    labels: cutLabels(labels, shards),
    splits: { train: idsOf(shards), validation: new Uint32Array(), test: new Uint32Array() },
  };
}
