import type * as tf from "@tensorflow/tfjs";
import type { AugmentSpec, OptimizerSpec, ScheduleSpec } from "../config/trainSpec.ts";
import type { ViewsSpec } from "../config/viewsSpec.ts";
import type { Dataset } from "../data/dataset.ts";
import { StillhouseError } from "../errors.ts";
import type { Seed } from "../model/seed.ts";
import type { NamedWeight } from "../model/weights.ts";
import type { Emitted, Objective, StudentAtWork } from "./objective.ts";
import type { NamedState } from "./optimizers/optimizer.ts";
import type { Batch, BatchShape } from "./planBatches.ts";

export interface TrainerOptions {
  /**
   * Gives the first weights; what it holds while it is trained is not defined. For an objective that looks inside, a
   * model that shows it: see `tapped`.
   */
  model: tf.LayersModel;
  dataset: Dataset;
  objective: Objective;
  optimizer: OptimizerSpec;
  schedule: ScheduleSpec;
  totalSteps: number;
  stepsPerEpoch: number;
  /** Largest L2 norm of all gradients together; absent: no clipping. */
  clipNorm?: number | undefined;
  /** Largest L2 norm of a unit's incoming weights, kept after each update; absent: no bound. */
  maxNorm?: number | undefined;
  /** How inputs are changed in training alone; absent: not at all. */
  augment?: AugmentSpec | undefined;
  /** Views of the samples, which change from epoch to epoch; absent: the samples themselves. */
  views?: ViewsSpec | undefined;
  /** Of the dropout masks, and of what augmentation draws. */
  maskSeed: Seed;
  /** Of every step that there will be: of a whole batch, and of the last partial one. */
  batchShapes: readonly BatchShape[];
}

/** What a training needs to go on, beside the step number; plain copies. */
export interface TrainingSnapshot {
  weights: NamedWeight[];
  optimizer: NamedState;
}

/** One optimiser step at a time on a model's weights, which live outside of the model meanwhile. */
export interface Trainer extends StudentAtWork {
  /**
   * Gathers a batch, and does forward, backward and update.
   * @param step of the training, counted from 0: it decides masks and learning rate
   * @param batch of one of the shapes that the trainer was opened for
   * @returns the loss
   * @throws TrainingDiverged; the weights are then those before the step
   */
  step(step: number, batch: Batch): Promise<number>;
  /** What the loss emitted in the last step; good until the next. */
  emitted(): Emitted;
  /** Logits in inference mode with the weights as they are now: [ids.length, classes]. */
  predict(ids: Uint32Array): Promise<Float32Array>;
  /** Copies of all weights, in the order of the layers. */
  weights(): NamedWeight[];
  snapshot(): TrainingSnapshot;
  /** @throws WeightsMismatch, OptimizerStateMismatch when the snapshot is of another model or optimiser */
  restore(snapshot: TrainingSnapshot): void;
  close(): Promise<void>;
}

/** The loss is no finite number any more. */
export class TrainingDiverged extends StillhouseError {}

export function checkLoss(loss: number, step: number): void {
  if (Number.isFinite(loss)) return;
  throw new TrainingDiverged(
    `Cannot go on training at step ${step} as the loss is ${loss}: lower the learning rate, or set clipNorm`,
    { fields: { step, loss } },
  );
}
