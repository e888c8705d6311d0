import { CompiledTrainer } from "../../shared/compute/compiled/compiledTrainer.ts";
import type { ComputeSettings } from "../../shared/compute/computeSettings.ts";
import { openTrainer } from "../../shared/compute/openTrainer.ts";
import { buildModel } from "../../shared/model/build.ts";
import { distillingObjective } from "../../student-node/distillingObjective.ts";
import { batchAt, benchDataset, shuffledIds } from "../dataset.ts";
import { measure } from "../measure.ts";
import type { Measured, Task } from "../task.ts";
import { CHUNK_SIZE, openBenchLabels } from "./labels.ts";

/** Times the training loop's own step: gather, label decoding, masks, feeds, graph, optimiser and the loss. */
export async function measureStep(task: Task, compute: ComputeSettings): Promise<Measured> {
  const { arch, inputShape, classes, teachers, temperature, alpha, batch, optimizer } = task;
  const dataset = benchDataset(task);
  const labels = openBenchLabels(dataset, teachers);
  const model = buildModel(arch, inputShape, classes, ["bench"]);
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
    try {
      const order = shuffledIds(dataset);
      const step = (i: number): Promise<number> => trainer.step(i, { ids: batchAt(order, batch, i) });
      return trainer instanceof CompiledTrainer
        ? await measure(step, task.seconds, () => trainer.graphMs())
        : await measure(step, task.seconds);
    } finally {
      await trainer.close();
    }
  } finally {
    model.dispose();
    labels.close();
  }
}
