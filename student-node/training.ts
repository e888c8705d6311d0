import { decodeCheckpoint, encodeCheckpoint } from "../shared/compute/checkpoint.ts";
import type { ComputeSettings } from "../shared/compute/computeSettings.ts";
import { labelObjective } from "../shared/compute/labelObjective.ts";
import { type Batch, planBatches } from "../shared/compute/planBatches.ts";
import { trainLoop } from "../shared/compute/trainLoop.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { labelOrder } from "../shared/data/labelOrder.ts";
import { type ChunkRef, chunksNeeded, dispatchOrder, epochOrder, trainChunks } from "../shared/data/order.ts";
import { withoutMixup } from "../shared/data/views/view.ts";
import { labelledView, labelledViews } from "../shared/data/views/viewSchedule.ts";
import { termsOf } from "../shared/distill/termsOf.ts";
import type { LabelStoreReader } from "../shared/labels/labelStoreReader.ts";
import { buildModel } from "../shared/model/build.ts";
import { packTrained } from "../shared/model/packTrained.ts";
import { tapped } from "../shared/model/tapped.ts";
import { readWeights } from "../shared/model/weights.ts";
import type { StudentTraining, TrainedStudent, TrainingHooks } from "./compute.ts";
import { correctBias } from "./correctBias.ts";
import { distillingObjective } from "./distillingObjective.ts";
import { packExits } from "./self/exitHeads.ts";
import { selfObjective } from "./self/selfObjective.ts";
import { scalesAreLearnt, teacherScales } from "./teacherScales.ts";
import { Waits } from "./waits.ts";

/**
 * Trains one student: with its teachers, or, as the baseline, on the true labels alone with the same initial weights,
 * order, masks, epochs and optimiser.
 * @param outside now: milliseconds of a clock that never goes back; isInterrupted: whether it is to end at its next step
 */
export async function trainStudent(
  training: StudentTraining,
  dataset: Dataset,
  labels: LabelStoreReader,
  compute: ComputeSettings,
  given: TrainingHooks,
  { now, isInterrupted }: { now(): number; isInterrupted(): boolean },
): Promise<TrainedStudent> {
  const waits = new Waits(now);
  const hooks = waits.counted(given);
  const { job, student, chunkSize } = training;
  const seed = ["student", training.runSeed, job.seed];
  const batchesOf = (epoch: number): Batch[] => {
    const { shuffleChunks, shuffle, train } = student;
    const order = epochOrder({ seed, epoch, dataset, chunkSize, shuffleChunks, shuffle });
    return planBatches(dataset, order, train);
  };
  const first = batchesOf(0);
  const { views } = training;
  const taught = job.kind === "student";
  if (taught && scalesAreLearnt(training.ensemble)) {
    await hooks.labelsUpTo(dispatchOrder(dataset, chunkSize).length);
  }
  const { objective, peerUse } = taught
    ? selfObjective(
        training,
        dataset,
        first.length,
        seed,
        () =>
          distillingObjective(
            training,
            dataset,
            labels,
            teacherScales(training.ensemble, training.teachers.length, dataset, labels, training.known),
            first.length,
          ),
        hooks,
      )
    : { objective: labelObjective(dataset, huberDelta(training.distill)) };
  const model = buildModel(student.model, dataset.inputShape, dataset.classes, seed);
  const opened = tapped(model, objective.taps ?? [], objective.learnt ?? []);
  try {
    const result = await trainLoop({
      model: opened.model,
      dataset,
      train: student.train,
      maskSeed: seed,
      // Alone, a student has the true labels only, and a mixture has none.
      views: taught ? views : withoutMixup(views),
      batchesOf,
      ...(taught && training.teachers.length > 0
        ? { ready: labelGate(training, dataset, first, hooks) }
        : {}),
      objective,
      compute,
      resume: training.checkpoint ? decodeCheckpoint(training.checkpoint) : undefined,
      isCheckpointDue: (step) => step % student.checkpointSteps === 0,
      onCheckpoint: (state) => hooks.onCheckpoint(state.step, encodeCheckpoint(state)),
      isInterrupted,
      onProgress: hooks.onProgress,
      now,
    });
    const exits = objective.learnt && packExits(readWeights(opened.model));
    const correctedBias = await correctBias(student, model, dataset, compute);
    return {
      ...packTrained(model, student.model, dataset),
      ...(correctedBias && { correctedBias }),
      keptEpoch: result.keptEpoch,
      steps: result.steps,
      curve: result.curve,
      waitSeconds: waits.seconds,
      ...(exits && { exits }),
      ...(peerUse && { peers: peerUse() }),
    };
  } finally {
    opened.dispose();
    model.dispose();
  }
}

/** Of a regression whose students learn the true values by Huber's loss: so does the student alone. */
function huberDelta(distill: StudentTraining["distill"]): number | undefined {
  return termsOf(distill).find((term) => term.kind === "huber")?.delta;
}

/** Holds a batch back until all teachers have labelled it; later epochs need every training chunk. */
function labelGate(
  { chunkSize, views, student }: StudentTraining,
  dataset: Dataset,
  batches: readonly Batch[],
  hooks: TrainingHooks,
): (epoch: number, batch: number) => Promise<void> | undefined {
  const needed = chunksNeeded({ dataset, chunkSize, batches: batches.map(({ ids }) => ids) });
  const order = labelOrder(dataset, chunkSize, labelledViews({ views, student }));
  const placeOf = new Map(order.map(({ view, shard, chunk }, i) => [`${view}/${shard}/${chunk}`, i]));
  const training = trainChunks(dataset, chunkSize);
  // Chunks are complete in the order of labelling, in which some hold no training sample.
  const upTo = (view: number, chunks: number): number => {
    const { shard, chunk } = training[chunks - 1] as ChunkRef;
    return (placeOf.get(`${view}/${shard}/${chunk}`) as number) + 1;
  };
  let have = 0;
  return (epoch, batch) => {
    const chunks = epoch === 0 ? (needed[batch] as number) : training.length;
    const count = upTo(labelledView(views, epoch), chunks);
    if (count <= have) return undefined;
    return hooks.labelsUpTo(count).then(() => {
      have = count;
    });
  };
}
