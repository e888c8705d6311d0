import { CompiledTrainer } from "../../shared/compute/compiled/compiledTrainer.ts";
import type { ComputeSettings } from "../../shared/compute/computeSettings.ts";
import { openTrainer } from "../../shared/compute/openTrainer.ts";
import { buildModel } from "../../shared/model/build.ts";
import { distillingObjective } from "../../student-node/distillingObjective.ts";
import { batchAt, benchDataset, shuffledIds } from "../dataset.ts";
import { measure } from "../measure.ts";
import type { Measured, Task } from "../task.ts";
import { CHUNK_SIZE, openBenchLabels } from "./labels.ts";

/** A student at work, step by step. */
export interface OpenedStep {
  step(i: number): Promise<number>;
  /** Time that the last step spent in its bare graph, of the compiled backend. */
  readonly graphMs: (() => number) | undefined;
  close(): Promise<void>;
}

/** Times the training loop's own step: gather, label decoding, masks, feeds, graph, optimiser and the loss. */
export async function measureStep(task: Task, compute: ComputeSettings): Promise<Measured> {
  const { step, graphMs, close } = await openStep(task, compute);
  try {
    return await measure(step, task.seconds, graphMs);
  } finally {
    await close();
  }
}

/** Opens the student of a task with random labels in a store. */
export async function openStep(task: Task, compute: ComputeSettings): Promise<OpenedStep> {
  const { arch, inputShape, classes, teachers, temperature, alpha, batch, optimizer } = task;
  const dataset = benchDataset(task);
  const labels = openBenchLabels(dataset, teachers);
  const model = buildModel(arch, inputShape, classes, ["bench"]);
  const release = (): void => {
    model.dispose();
    labels.close();
  };
  try {
    const stepsPerEpoch = Math.floor(dataset.splits.train.length / batch);
    const objective = distillingObjective(
      {
        distill: { loss: { kind: "kd", temperature, alpha } },
        ensemble: { rule: "arithmetic", calibrate: false, quorum: "all" },
        runSeed: 0,
        job: { kind: "student", seed: 0 },
        features: { uses: [], layouts: [] },
        chunkSize: CHUNK_SIZE,
        teachers: Array.from({ length: teachers }, (_, k) => `teacher-${k}`),
      },
      dataset,
      labels.reader,
      { temperatures: new Array<number>(teachers).fill(1), weights: new Array<number>(teachers).fill(1) },
      stepsPerEpoch,
    );
    const trainer = await openTrainer(
      {
        model,
        dataset,
        objective,
        optimizer,
        schedule: { kind: "constant", warmupSteps: 0 },
        totalSteps: stepsPerEpoch,
        stepsPerEpoch,
        maskSeed: ["bench"],
        batchShapes: [{ rows: batch }],
      },
      compute,
    );
    const order = shuffledIds(dataset);
    return {
      step: (i) => trainer.step(i, { ids: batchAt(order, batch, i) }),
      graphMs: trainer instanceof CompiledTrainer ? () => trainer.graphMs() : undefined,
      async close() {
        await trainer.close();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}
