import * as tf from "@tensorflow/tfjs";
import type { TrainSpec } from "../config/spec.ts";
import type { Dataset } from "../data/dataset.ts";
import { gatherInputs } from "../data/gather.ts";
import type { CurvePoint } from "../evaluate/reportSchema.ts";
import { type NamedWeight, readWeights, writeWeights } from "../model/weights.ts";
import { scoreSplit } from "./scoreSplit.ts";
import { type TrainingSnapshot, TrainingStep } from "./trainingStep.ts";

/** All that a training needs to go on as if nothing had happened. */
export interface TrainingState {
  /** Steps done. */
  step: number;
  /** Of the epoch under way: loss times rows, and rows. */
  epochLoss: number;
  epochRows: number;
  curve: CurvePoint[];
  /** Best epoch so far by validation accuracy, the earlier on a tie; kept only under `keep: best`. */
  best: { epoch: number; accuracy: number; weights: NamedWeight[] } | null;
  snapshot: TrainingSnapshot;
}

export interface TrainProgress {
  step: number;
  total: number;
  samplesPerS: number;
  loss: number | null;
  accuracy: number | null;
  waiting: boolean;
}

export interface TrainLoopOptions {
  model: tf.LayersModel;
  dataset: Dataset;
  train: TrainSpec;
  /** Of the dropout masks. */
  maskSeed: readonly (string | number)[];
  /** Sample ids of an epoch, counted from 0; every epoch has the same number. */
  orderOf(epoch: number): Uint32Array;
  /** Resolves when everything that the batch needs has arrived; undefined when it has. */
  ready?(epoch: number, from: number, to: number): Promise<void> | undefined;
  /** Makes the batch's targets (outside of any gradient) and returns its loss of the logits. */
  lossOf(ids: Uint32Array): (logits: tf.Tensor2D) => tf.Scalar;
  resume?: TrainingState | undefined;
  checkpointSteps?: number;
  onCheckpoint?(state: TrainingState): Promise<void>;
  onProgress(progress: TrainProgress): void;
  now(): number;
}

export interface TrainLoopResult {
  curve: CurvePoint[];
  keptEpoch: number;
  steps: number;
  waitMs: number;
}

/** Between two looks at the event loop, so that a checkpoint, a label or a farewell gets through. */
const BREATH_MS = 25;
const PROGRESS_MS = 500;

/**
 * Trains `model` in place to the weights that `train.keep` asks for. The order of samples, the masks and so the
 * weights are functions of the arguments alone: a resumed training gives the bits of an unbroken one.
 */
export async function trainLoop(options: TrainLoopOptions): Promise<TrainLoopResult> {
  const { model, dataset, train, now } = options;
  let order = options.orderOf(0);
  const stepsPerEpoch = Math.ceil(order.length / train.batch);
  const total = stepsPerEpoch * train.epochs;
  const stepper = new TrainingStep({
    model,
    optimizer: train.optimizer,
    schedule: train.schedule,
    totalSteps: total,
    stepsPerEpoch,
    ...(train.clipNorm === undefined ? {} : { clipNorm: train.clipNorm }),
    maskSeed: options.maskSeed,
  });
  const state: Omit<TrainingState, "snapshot"> = options.resume
    ? { ...options.resume, curve: [...options.resume.curve] }
    : { step: 0, epochLoss: 0, epochRows: 0, curve: [], best: null };
  if (options.resume) stepper.restore(options.resume.snapshot);

  let waitMs = 0;
  let lastBreath = now();
  let lastReport = Number.NEGATIVE_INFINITY;
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
      accuracy: state.curve.at(-1)?.validationAccuracy ?? null,
      waiting,
    });
  };

  for (let epoch = Math.floor(state.step / stepsPerEpoch); epoch < train.epochs; epoch++) {
    if (epoch > 0) order = options.orderOf(epoch);
    for (let s = state.step - epoch * stepsPerEpoch; s < stepsPerEpoch; s++) {
      const from = s * train.batch;
      const to = Math.min(from + train.batch, order.length);
      const wait = options.ready?.(epoch, from, to);
      if (wait) {
        report(true);
        const since = now();
        await wait;
        waitMs += now() - since;
      }
      const ids = order.subarray(from, to);
      const inputs = tf.tensor(gatherInputs(dataset, ids), [ids.length, ...dataset.inputShape]);
      const { loss } = stepper.run(state.step, inputs, () => options.lossOf(ids));
      inputs.dispose();
      state.step++;
      state.epochLoss += loss * ids.length;
      state.epochRows += ids.length;

      if (s === stepsPerEpoch - 1) endEpoch(epoch);
      if (options.onCheckpoint && state.step % (options.checkpointSteps ?? Number.POSITIVE_INFINITY) === 0) {
        await options.onCheckpoint({ ...state, curve: [...state.curve], snapshot: stepper.snapshot() });
      }
      if (now() - lastReport > PROGRESS_MS) report(false);
      if (now() - lastBreath > BREATH_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        lastBreath = now();
      }
    }
  }

  function endEpoch(epoch: number): void {
    const validation = scoreSplit(model, dataset, dataset.splits.validation);
    state.curve.push({
      epoch: epoch + 1,
      trainLoss: state.epochLoss / state.epochRows,
      validationLoss: validation.loss,
      validationAccuracy: validation.accuracy,
    });
    state.epochLoss = 0;
    state.epochRows = 0;
    if (train.keep === "best" && validation.accuracy > (state.best?.accuracy ?? -1)) {
      state.best = { epoch: epoch + 1, accuracy: validation.accuracy, weights: readWeights(model) };
    }
  }

  if (state.best) writeWeights(model, state.best.weights);
  report(false);
  return { curve: state.curve, keptEpoch: state.best?.epoch ?? train.epochs, steps: total, waitMs };
}
