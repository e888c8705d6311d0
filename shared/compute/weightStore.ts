import type * as tf from "@tensorflow/tfjs";
import type { OptimizerSpec } from "../config/trainSpec.ts";
import { copyWeights, type NamedWeight, weightSlots, writeWeights } from "../model/weights.ts";
import { MaxNorm, unitMatrix } from "./maxNorm.ts";
import { createOptimizer, optimizerSlots } from "./optimizers/createOptimizer.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";
import { Arena } from "./simd/arena.ts";
import type { TrainingSnapshot } from "./trainer.ts";

export interface StoredWeight {
  readonly name: string;
  readonly shape: number[];
  readonly values: Float32Array;
  /** Written by whoever computes the step; absent where gradients do not train the weight. */
  readonly gradient?: Float32Array;
}

/** The weights of a model in training, with their gradients and optimiser, in one piece of memory. */
export class WeightStore {
  readonly weights: readonly StoredWeight[];
  readonly #model: tf.LayersModel;
  readonly #optimizer: Optimizer;
  readonly #maxNorm: MaxNorm | undefined;

  /** @param maxNorm largest L2 norm of a unit's incoming weights; absent: no bound */
  constructor(model: tf.LayersModel, optimizer: OptimizerSpec, maxNorm?: number) {
    this.#model = model;
    const slots = weightSlots(model);
    const copies = 2 + optimizerSlots(optimizer);
    const matrices = slots
      .filter((slot) => slot.trained)
      .map(({ name, variable }) => unitMatrix(name, variable.shape));
    const arena = new Arena(
      Arena.bytesFor([
        ...slots.flatMap(({ variable }) => new Array<number>(copies).fill(variable.size)),
        ...(maxNorm === undefined ? [] : [MaxNorm.scratch(matrices)]),
      ]),
    );
    this.weights = slots.map(({ name, variable, trained }) => ({
      name,
      shape: [...variable.shape],
      values: arena.floats(variable.size),
      ...(trained ? { gradient: arena.floats(variable.size) } : {}),
    }));
    const trained = this.trained();
    this.#optimizer = createOptimizer(optimizer, {
      arena,
      parameters: trained.map(({ values }) => values),
      gradients: trained.map(({ gradient }) => gradient),
    });
    if (maxNorm !== undefined) {
      const values = trained.map((weight) => weight.values);
      this.#maxNorm = new MaxNorm(maxNorm, arena, values, matrices);
    }
    this.#read();
  }

  trained(): (StoredWeight & { gradient: Float32Array })[] {
    return this.weights.flatMap((weight) => {
      const { gradient } = weight;
      return gradient ? [{ ...weight, gradient }] : [];
    });
  }

  /** The arrays that the optimiser keeps, by slot: one for each of `trained()`. */
  slots(): Readonly<Record<string, readonly Float32Array[]>> {
    return this.#optimizer.slots;
  }

  /** A graph has applied the gradients: what counts steps goes on. */
  countStep(): void {
    this.#optimizer.countStep();
  }

  /** Applies the gradients, then the bound on incoming weights. */
  update(learningRate: number, clipNorm: number | undefined): void {
    this.#optimizer.step(learningRate, clipNorm);
    this.#maxNorm?.apply();
  }

  /** The weights themselves, not copied. */
  views(): NamedWeight[] {
    return this.weights.map(({ name, shape, values }) => ({ name, shape, data: values }));
  }

  copies(): NamedWeight[] {
    return copyWeights(this.views());
  }

  snapshot(): TrainingSnapshot {
    return { weights: this.copies(), optimizer: this.#optimizer.state() };
  }

  /** @throws WeightsMismatch, OptimizerStateMismatch when the snapshot is of another model or optimiser */
  restore({ weights, optimizer }: TrainingSnapshot): void {
    writeWeights(this.#model, weights);
    this.#optimizer.restore(optimizer);
    this.#read();
  }

  /** Gives the model the weights as they are now. */
  writeToModel(): void {
    writeWeights(this.#model, this.copies());
  }

  #read(): void {
    weightSlots(this.#model).forEach(({ variable }, i) => {
      this.weights[i]?.values.set(variable.dataSync() as Float32Array);
    });
  }
}
