import type * as tf from "@tensorflow/tfjs";
import type { AugmentSpec, TrainSpec } from "../config/trainSpec.ts";
import type { ViewsSpec } from "../config/viewsSpec.ts";
import type { Dataset } from "../data/dataset.ts";
import { taskOf } from "../data/targets.ts";
import { gainOver, scoreKinds, scoreOf } from "../evaluate/score.ts";
import type { EpochPoint } from "../evaluate/taskReportSchema.ts";
import { copyWeights, type NamedWeight, writeWeights } from "../model/weights.ts";
import type { ComputeSettings } from "./computeSettings.ts";
import { TrainingInterrupted } from "./interrupted.ts";
import type { Objective } from "./objective.ts";
import { openTrainer } from "./openTrainer.ts";
import { type Batch, shapesOf } from "./planBatches.ts";
import { scoreOutputs } from "./scoreOutputs.ts";
import type { Trainer, TrainingSnapshot } from "./trainer.ts";

/** All that a training needs to go on as if nothing had happened. */
export interface TrainingState {
  /** Steps done. */
  step: number;
  /** Of the epoch under way: loss times rows, and rows. */
  epochLoss: number;
  epochRows: number;
  curve: EpochPoint[];
  /** Best epoch so far by its score on validation, the earlier on a tie; kept only under `keep: best`. */
  best: { epoch: number; weights: NamedWeight[] } | null;
  snapshot: TrainingSnapshot;
  /** Of an objective with a memory. */
  memory?: unknown;
}

export interface TrainProgress {
  step: number;
  total: number;
  samplesPerS: number;
  loss: number | null;
  accuracy: number | null;
  /** In place of accuracy, of other tasks than classification. */
  score?: { name: string; value: number };
  waiting: boolean;
}

export interface TrainLoopOptions {
  model: tf.LayersModel;
  dataset: Dataset;
  train: TrainSpec;
  /** How inputs are changed in training alone; absent: not at all. */
  augment?: AugmentSpec | undefined;
  /** Views of the samples, which change from epoch to epoch; absent: the samples themselves. */
  views?: ViewsSpec | undefined;
  /** Of the dropout masks, and of what augmentation draws. */
  maskSeed: readonly (string | number)[];
  /** The steps of an epoch, counted from 0; every epoch has as many, of the same shapes. */
  batchesOf(epoch: number): readonly Batch[];
  /** Resolves when everything that a batch of an epoch needs has arrived; undefined when it has. */
  ready?(epoch: number, batch: number): Promise<void> | undefined;
  objective: Objective;
  compute: ComputeSettings;
  resume?: TrainingState | undefined;
  /** Asked after each step, counted from 1; absent: never. */
  isCheckpointDue?(step: number): boolean;
  onCheckpoint?(state: TrainingState): Promise<void>;
  /** Asked after each step, and where a wait has failed; absent: never. Where it says so, a checkpoint is stored and the training ends. */
  isInterrupted?(): boolean;
  onProgress(progress: TrainProgress): void;
  now(): number;
}

export interface TrainLoopResult {
  curve: EpochPoint[];
  keptEpoch: number;
  steps: number;
}

/** Between two looks at the event loop, so that a checkpoint, a label or a farewell gets through. */
const BREATH_MS = 25;
const PROGRESS_MS = 500;

/**
 * Trains `model` in place to the weights that `train.keep` asks for. The order of samples, the masks and so the
 * weights are functions of the arguments alone: a resumed training gives the bits of an unbroken one.
 * @throws TrainingInterrupted
 */
export async function trainLoop(options: TrainLoopOptions): Promise<TrainLoopResult> {
  const { model, dataset, train, resume } = options;
  const first = options.batchesOf(0);
  const stepsPerEpoch = first.length;
  const trainer = await openTrainer(
    {
      model,
      dataset,
      objective: options.objective,
      optimizer: train.optimizer,
      schedule: train.schedule,
      totalSteps: stepsPerEpoch * train.epochs,
      stepsPerEpoch,
      clipNorm: train.clipNorm,
      maxNorm: train.maxNorm,
      augment: options.augment,
      views: options.views,
      maskSeed: options.maskSeed,
      batchShapes: shapesOf(first),
    },
    options.compute,
  );
  try {
    if (resume) {
      trainer.restore(resume.snapshot);
      options.objective.memory?.restore(resume.memory);
    }
    const result = await trainEpochs(options, trainer, stepsPerEpoch);
    writeWeights(model, result.weights);
    return result;
  } finally {
    await trainer.close();
  }
}

async function trainEpochs(
  options: TrainLoopOptions,
  trainer: Trainer,
  stepsPerEpoch: number,
): Promise<TrainLoopResult & { weights: NamedWeight[] }> {
  const { dataset, train, now } = options;
  const task = taskOf(dataset);
  const total = stepsPerEpoch * train.epochs;
  const { memory } = options.objective;
  const state: Omit<TrainingState, "snapshot" | "memory"> = options.resume
    ? { ...options.resume, curve: [...options.resume.curve] }
    : { step: 0, epochLoss: 0, epochRows: 0, curve: [], best: null };

  let waitMs = 0;
  let lastBreath = now();
  let lastReport = Number.NEGATIVE_INFINITY;
  let savedStep = state.step;
  const startedAt = now();
  const startedStep = state.step;
  const report = (waiting: boolean): void => {
    lastReport = now();
    const seconds = (lastReport - startedAt - waitMs) / 1000;
    options.onProgress({
      step: state.step,
      total,
      samplesPerS: seconds > 0 ? ((state.step - startedStep) * train.batch) / seconds : 0,
      loss: state.epochRows > 0 ? state.epochLoss / state.epochRows : (state.curve.at(-1)?.trainLoss ?? null),
      ...lastScore(state.curve, task),
      waiting,
    });
  };
  const save = async (): Promise<void> => {
    if (!options.onCheckpoint || state.step === savedStep) return;
    await options.onCheckpoint({
      ...state,
      curve: [...state.curve],
      snapshot: trainer.snapshot(),
      ...(memory ? { memory: memory.snapshot() } : {}),
    });
    savedStep = state.step;
  };
  const endIfInterrupted = async (): Promise<void> => {
    if (!options.isInterrupted?.() || state.step === total) return;
    await save();
    throw new TrainingInterrupted(`The training was told to end after step ${state.step} of ${total}`, {
      fields: { step: state.step, total },
      retry: true,
    });
  };
  const finalWeights = (): NamedWeight[] => (memory?.final ? copyWeights(memory.final()) : trainer.weights());
  const endEpoch = async (epoch: number): Promise<void> => {
    const ids = dataset.splits.validation;
    const final = memory?.final?.();
    const predicted = final ? await trainer.predictWith(final, ids) : await trainer.predict(ids);
    const point: EpochPoint = {
      epoch: epoch + 1,
      trainLoss: state.epochLoss / state.epochRows,
      ...scoreOutputs(dataset, ids, predicted),
    };
    const best = state.best && state.curve.find((one) => one.epoch === state.best?.epoch);
    state.curve.push(point);
    state.epochLoss = 0;
    state.epochRows = 0;
    if (train.keep === "best" && (!best || gainOver(task, scoreOf(point), scoreOf(best)) > 0)) {
      state.best = { epoch: epoch + 1, weights: finalWeights() };
    }
  };

  for (let epoch = Math.floor(state.step / stepsPerEpoch); epoch < train.epochs; epoch++) {
    const batches = options.batchesOf(epoch);
    for (let s = state.step - epoch * stepsPerEpoch; s < stepsPerEpoch; s++) {
      const batch = batches[s] as Batch;
      const wait = options.ready?.(epoch, s);
      if (wait) {
        const since = now();
        try {
          report(true);
        } finally {
          // Also when nobody wants to hear of it any more: a failure that nobody awaits would end the process.
          await wait.catch(async (error: unknown) => {
            await endIfInterrupted();
            throw error;
          });
        }
        waitMs += now() - since;
      }
      if (memory?.before) await memory.before(state.step, batch, trainer);
      const loss = await trainer.step(state.step, batch);
      if (memory) await memory.after(state.step, batch, trainer.emitted(), trainer);
      state.step++;
      state.epochLoss += loss * batch.ids.length;
      state.epochRows += batch.ids.length;

      if (s === stepsPerEpoch - 1) await endEpoch(epoch);
      if (options.isCheckpointDue?.(state.step)) await save();
      await endIfInterrupted();
      if (now() - lastReport > PROGRESS_MS) report(false);
      if (now() - lastBreath > BREATH_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        lastBreath = now();
      }
    }
  }
  report(false);
  return {
    weights: state.best?.weights ?? finalWeights(),
    curve: state.curve,
    keptEpoch: state.best?.epoch ?? train.epochs,
    steps: total,
  };
}

/** The score of the last epoch, as people are shown it. */
function lastScore(
  curve: readonly EpochPoint[],
  task: ReturnType<typeof taskOf>,
): Pick<TrainProgress, "accuracy" | "score"> {
  const point = curve.at(-1);
  if (!point) return { accuracy: null };
  if ("validationAccuracy" in point) return { accuracy: point.validationAccuracy };
  return { accuracy: null, score: { name: scoreKinds[task].name, value: point.validationScore } };
}
