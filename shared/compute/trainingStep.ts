import * as tf from "@tensorflow/tfjs";
import type { OptimizerSpec, ScheduleSpec } from "../config/spec.ts";
import { StillhouseError } from "../errors.ts";
import { withMaskSource } from "../model/dropout.ts";
import type { Seed } from "../model/seed.ts";
import { assignFloats, type NamedWeight, readWeights, writeWeights } from "../model/weights.ts";
import { clipByGlobalNorm } from "./clip.ts";
import { createOptimizer } from "./optimizers/createOptimizer.ts";
import type { NamedState, Optimizer } from "./optimizers/optimizer.ts";
import { learningRateAt } from "./schedule.ts";

export interface TrainingStepOptions {
  model: tf.LayersModel;
  optimizer: OptimizerSpec;
  schedule: ScheduleSpec;
  totalSteps: number;
  stepsPerEpoch: number;
  /** Largest L2 norm of all gradients together; absent: no clipping. */
  clipNorm?: number;
  /** Of the dropout masks. */
  maskSeed: Seed;
}

/** What a training needs to go on, beside the step number; plain copies. */
export interface TrainingSnapshot {
  weights: NamedWeight[];
  optimizer: NamedState;
}

/** The loss is no finite number any more. */
export class TrainingDiverged extends StillhouseError {}

/**
 * One optimiser step at a time on a model's weights. The parameters live here, on the host, and are copied into the
 * model after each step: write the model's weights through `restore` while a TrainingStep holds it.
 */
export class TrainingStep {
  private readonly options: TrainingStepOptions;
  private readonly variables: tf.Variable[];
  private readonly parameters: Float32Array[];
  private readonly optimizer: Optimizer;

  constructor(options: TrainingStepOptions) {
    this.options = options;
    this.variables = options.model.trainableWeights.map((weight) => weight.read() as tf.Variable);
    this.parameters = this.variables.map((variable) => new Float32Array(variable.dataSync()));
    this.optimizer = createOptimizer(options.optimizer);
  }

  /**
   * Forward, backward and update.
   * @param step of the training, counted from 0: it decides masks and learning rate
   * @param inputs [batch, ...inputShape]; stays the caller's
   * @param makeLoss makes the targets, outside of the gradient; what it returns maps logits to the loss
   * @throws TrainingDiverged; the weights are then those before the step
   */
  run(step: number, inputs: tf.Tensor, makeLoss: () => (logits: tf.Tensor2D) => tf.Scalar): { loss: number } {
    const { model, schedule, totalSteps, stepsPerEpoch, clipNorm, maskSeed } = this.options;
    let loss = Number.NaN;
    let gradients: Float32Array[] = [];
    // Numbers leave through variables: tidy() searches what is returned for tensors, element by element.
    tf.tidy(() => {
      const lossOf = makeLoss();
      const forward = (): tf.Scalar => lossOf(model.apply(inputs, { training: true }) as tf.Tensor2D);
      const { value, grads } = withMaskSource({ seed: maskSeed, step }, () =>
        tf.variableGrads(forward, this.variables),
      );
      loss = value.dataSync()[0] as number;
      gradients = this.variables.map(
        ({ name, size }) => (grads[name]?.dataSync() as Float32Array | undefined) ?? new Float32Array(size),
      );
    });
    if (!Number.isFinite(loss)) {
      throw new TrainingDiverged(
        `Cannot go on training at step ${step} as the loss is ${loss}: lower the learning rate, or set clipNorm`,
        { fields: { step, loss } },
      );
    }
    if (clipNorm !== undefined) gradients = clipByGlobalNorm(gradients, clipNorm);
    const rate = learningRateAt(schedule, this.options.optimizer.lr, step, totalSteps, stepsPerEpoch);
    this.optimizer.step(this.parameters, gradients, rate);
    this.variables.forEach((variable, i) => {
      assignFloats(variable, this.parameters[i] as Float32Array);
    });
    return { loss };
  }

  snapshot(): TrainingSnapshot {
    return { weights: readWeights(this.options.model), optimizer: this.optimizer.state() };
  }

  /** @throws WeightsMismatch, OptimizerStateMismatch when the snapshot is of another model or optimiser */
  restore(snapshot: TrainingSnapshot): void {
    this.optimizer.restore(snapshot.optimizer);
    writeWeights(this.options.model, snapshot.weights);
    this.variables.forEach((variable, i) => {
      this.parameters[i]?.set(variable.dataSync() as Float32Array);
    });
  }
}
