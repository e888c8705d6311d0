import { decodeCheckpoint, encodeCheckpoint } from "../shared/compute/checkpoint.ts";
import type { ComputeSettings } from "../shared/compute/computeSettings.ts";
import { labelObjective } from "../shared/compute/labelObjective.ts";
import { trainLoop } from "../shared/compute/trainLoop.ts";
import { huberDelta } from "../shared/config/students.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { dispatchOrder } from "../shared/data/order.ts";
import { withoutMixup } from "../shared/data/views/view.ts";
import { plainTermsOf } from "../shared/distill/termsOf.ts";
import type { LabelStoreReader } from "../shared/labels/labelStoreReader.ts";
import { buildModel } from "../shared/model/build.ts";
import { packTrained } from "../shared/model/packTrained.ts";
import { tapped } from "../shared/model/tapped.ts";
import { readWeights } from "../shared/model/weights.ts";
import { labelGate, studentBatches, studentSeed } from "./batchPlan.ts";
import type { StudentTraining, TrainedStudent, TrainingHooks } from "./compute.ts";
import { correctBias } from "./correctBias.ts";
import { distillingObjective } from "./distillingObjective.ts";
import { LabelLookahead } from "./labelLookahead.ts";
import { packExits } from "./self/exitHeads.ts";
import { selfObjective } from "./self/selfObjective.ts";
import { scalesAreLearnt, type TeacherScales, teacherScales } from "./teacherScales.ts";
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
  const seed = studentSeed(training);
  const batchesOf = studentBatches(training, dataset);
  const first = batchesOf(0);
  const { views } = training;
  const taught = job.kind === "student";
  if (taught && scalesAreLearnt(training.ensemble)) {
    await hooks.labelsUpTo(dispatchOrder(dataset, chunkSize).length);
  }
  const scales =
    taught && plainTermsOf(training.distill).length > 0
      ? await teacherScales(training.ensemble, training.teachers.length, dataset, labels, training.known)
      : undefined;
  const { objective, peerUse } = taught
    ? selfObjective(
        training,
        dataset,
        first.length,
        seed,
        () => distillingObjective(training, dataset, labels, scales as TeacherScales, first.length),
        hooks,
      )
    : { objective: labelObjective(dataset, huberDelta(training.distill)) };
  const model = buildModel(student.model, dataset.inputShape, dataset.classes, seed);
  const opened = tapped(model, objective.taps ?? [], objective.learnt ?? []);
  const lookahead = new LabelLookahead(training, dataset, batchesOf, labels);
  const held: Ready = (epoch, batch) => {
    const wait = lookahead.ready(epoch, batch);
    return wait && waits.during(() => wait);
  };
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
        ? { ready: inTurn(labelGate(training, dataset, first, hooks), held) }
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
    lookahead.close();
    opened.dispose();
    model.dispose();
  }
}

/** Waits for something that a batch of an epoch needs; undefined: there is nothing to wait for. */
type Ready = (epoch: number, batch: number) => Promise<void> | undefined;

function inTurn(first: Ready, second: Ready): Ready {
  return (epoch, batch) => {
    const wait = first(epoch, batch);
    return wait ? wait.then(() => second(epoch, batch)) : second(epoch, batch);
  };
}
