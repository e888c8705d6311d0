import * as tf from "@tensorflow/tfjs";
import { seededMasks } from "../model/dropout.ts";
import { learntName } from "../model/tapped.ts";
import {
  assignByName,
  assignFloats,
  type NamedWeight,
  type WeightSlot,
  weightSlots,
} from "../model/weights.ts";
import { eagerGradients } from "./eagerGradients.ts";
import { inputTensor } from "./inputTensor.ts";
import type { Emitted } from "./objective.ts";
import type { Batch } from "./planBatches.ts";
import { eagerPredict, predictLogits } from "./predictLogits.ts";
import { learningRateAt } from "./schedule.ts";
import { targetTensors } from "./targetTensors.ts";
import { checkLoss, type Trainer, type TrainerOptions, type TrainingSnapshot } from "./trainer.ts";
import { WeightStore } from "./weightStore.ts";

/** Trains with TensorFlow.js's current backend, kernel by kernel. */
export class EagerTrainer implements Trainer {
  readonly #options: TrainerOptions;
  readonly #slots: WeightSlot[];
  readonly #store: WeightStore;
  #emitted: Emitted = {};

  constructor(options: TrainerOptions) {
    this.#options = options;
    this.#slots = weightSlots(options.model);
    this.#store = new WeightStore(options.model, options.optimizer, options.maxNorm);
  }

  async step(step: number, batch: Batch): Promise<number> {
    const { model, objective, schedule, optimizer, totalSteps, stepsPerEpoch, clipNorm, maskSeed } =
      this.#options;
    let value = Number.NaN;
    // Numbers leave through variables: tidy() searches what is returned for tensors, element by element.
    tf.tidy(() => {
      const inputs = inputTensor(this.#options, step, batch);
      const targets = targetTensors(objective, batch.ids, step);
      const masks = seededMasks(maskSeed, step);
      const { loss, gradients, emitted } = eagerGradients(
        model,
        this.#slots,
        objective,
        inputs,
        targets,
        masks,
      );
      this.#emitted = Object.fromEntries(
        Object.entries(emitted).map(([name, tensor]) => [name, tensor.dataSync().slice() as Float32Array]),
      );
      tf.dispose(emitted);
      value = loss.dataSync()[0] as number;
      this.#store.trained().forEach(({ gradient }, i) => {
        const given = gradients[i]?.dataSync() as Float32Array | undefined;
        if (given) gradient.set(given);
        else gradient.fill(0);
      });
    });
    checkLoss(value, step);
    const rate = learningRateAt(schedule, optimizer.lr, step, totalSteps, stepsPerEpoch);
    this.#store.update(rate, clipNorm);
    this.#slots.forEach(({ variable, trained }, i) => {
      const values = this.#store.weights[i]?.values as Float32Array;
      // A weight that gradients do not train was moved in the model by the forward pass itself.
      if (trained) assignFloats(variable, values);
      else values.set(variable.dataSync() as Float32Array);
    });
    return value;
  }

  emitted(): Emitted {
    return this.#emitted;
  }

  async predict(ids: Uint32Array): Promise<Float32Array> {
    const { model, dataset } = this.#options;
    return predictLogits({ predict: eagerPredict(model, dataset) }, dataset, ids);
  }

  current(): readonly NamedWeight[] {
    return this.#store.views();
  }

  async predictWith(weights: readonly NamedWeight[], ids: Uint32Array): Promise<Float32Array> {
    const own = this.#slots.filter(({ name }) => learntName(name) === undefined);
    try {
      assignByName(own, weights);
      return await this.predict(ids);
    } finally {
      assignByName(own, this.#store.views());
    }
  }

  weights(): NamedWeight[] {
    return this.#store.copies();
  }

  snapshot(): TrainingSnapshot {
    return this.#store.snapshot();
  }

  restore(snapshot: TrainingSnapshot): void {
    this.#store.restore(snapshot);
  }

  async close(): Promise<void> {}
}
