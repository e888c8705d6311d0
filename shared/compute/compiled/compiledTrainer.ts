import type { Tensor } from "onnxruntime-node";
import { type NamedWeight, weightSlots } from "../../model/weights.ts";
import type { ComputeSettings } from "../computeSettings.ts";
import type { Emitted } from "../objective.ts";
import { tensorUpdate } from "../optimizers/inGraph.ts";
import { type Batch, shapeName, shapeOf } from "../planBatches.ts";
import { predictLogits } from "../predictLogits.ts";
import { learningRateAt } from "../schedule.ts";
import { checkLoss, type Trainer, type TrainerOptions, type TrainingSnapshot } from "../trainer.ts";
import { WeightStore } from "../weightStore.ts";
import { checkGradients, checkLogits, isChecked } from "./checkAgainstEager.ts";
import { CompiledForward } from "./compiledForward.ts";
import { type CompiledStep, compileSteps } from "./compileSteps.ts";
import { InGraphUpdate } from "./inGraphUpdate.ts";
import type { SessionOptions } from "./session.ts";
import { names } from "./trainingGraph.ts";

export type CompiledSettings = SessionOptions & Pick<ComputeSettings, "update">;

/**
 * Trains with compiled graphs, one for each shape of a batch, in one of two forms. "in-place": a graph gives loss and
 * gradients, and the optimiser changes the weights' own memory. "in-graph": the optimiser is part of the graph, weights
 * in and weights out. All graphs are there before the first step; the first step of each is checked against
 * TensorFlow.js.
 */
export class CompiledTrainer implements Trainer {
  readonly #options: TrainerOptions;
  readonly #store: WeightStore;
  /** By the name of the shape. */
  readonly #steps: ReadonlyMap<string, CompiledStep>;
  readonly #forward: CompiledForward;
  readonly #update: InGraphUpdate | undefined;
  #graphMs = 0;
  #last: CompiledStep | undefined;

  /** @throws UnsupportedKernel, ValueReadWhileRecording, BakedIn, TooManyBatchShapes */
  static async open(options: TrainerOptions, settings: CompiledSettings): Promise<CompiledTrainer> {
    const { model, dataset, optimizer, clipNorm, maxNorm } = options;
    const formulas = settings.update === "in-graph" ? tensorUpdate(optimizer, clipNorm) : undefined;
    const store = new WeightStore(model, optimizer, maxNorm);
    const steps = await compileSteps(options, store, formulas, settings);
    const forward = await CompiledForward.ofModel(model, dataset.inputShape, weightSlots(model), settings);
    const update = formulas && (await InGraphUpdate.of(formulas, store));
    return new CompiledTrainer(options, store, steps, forward, update);
  }

  private constructor(
    options: TrainerOptions,
    store: WeightStore,
    steps: ReadonlyMap<string, CompiledStep>,
    forward: CompiledForward,
    update: InGraphUpdate | undefined,
  ) {
    this.#options = options;
    this.#store = store;
    this.#steps = steps;
    this.#forward = forward;
    this.#update = update;
    forward.useWeights(store.weights);
  }

  async step(step: number, batch: Batch): Promise<number> {
    const { schedule, optimizer, totalSteps, stepsPerEpoch, clipNorm } = this.#options;
    const shape = shapeName(shapeOf(batch));
    const sized = this.#steps.get(shape);
    if (!sized) {
      throw new RangeError(
        `Cannot train on a batch of ${shape}: steps are compiled for [${[...this.#steps.keys()].join(", ")}]`,
      );
    }
    sized.batch.fill(step, batch);
    const update = this.#update;
    const rate = learningRateAt(schedule, optimizer.lr, step, totalSteps, stepsPerEpoch);
    const check = !isChecked(sized.graphHash);
    if (check) update?.settle();
    const feeds = update ? { ...sized.feeds, ...update.feeds(rate, step) } : sized.feeds;

    const startedAt = performance.now();
    await sized.session.run(feeds, this.#fetches(sized, check));
    this.#graphMs = performance.now() - startedAt;
    const loss = sized.loss.values[0] as number;
    checkLoss(loss, step);
    if (check || !update) sized.gradients.addUp();
    if (check) {
      checkGradients(sized.graphHash, this.#options, this.#store, step, batch, loss, sized.moved);
    }
    if (update) update.done(check ? { rate, clipNorm } : null);
    else this.#store.update(rate, clipNorm);
    for (const { values, next } of sized.moved) values.set(next);
    this.#last = sized;
    return loss;
  }

  emitted(): Emitted {
    return Object.fromEntries((this.#last?.emitted ?? []).map(({ name, values }) => [name, values]));
  }

  /** Time that the last step spent in its graph. */
  graphMs(): number {
    return this.#graphMs;
  }

  async predict(ids: Uint32Array): Promise<Float32Array> {
    this.#update?.settle();
    const logits = await predictLogits(this.#forward, this.#options.dataset, ids);
    const hash = this.#forward.graphHash;
    if (!isChecked(hash)) checkLogits(hash, this.#options, this.#store, ids, logits);
    return logits;
  }

  current(): readonly NamedWeight[] {
    this.#update?.settle();
    return this.#store.views();
  }

  async predictWith(weights: readonly NamedWeight[], ids: Uint32Array): Promise<Float32Array> {
    // With its own weights first: that checks the graph.
    if (!isChecked(this.#forward.graphHash)) await this.predict(ids);
    return this.#forward.withWeights(weights, () => predictLogits(this.#forward, this.#options.dataset, ids));
  }

  weights(): NamedWeight[] {
    this.#update?.settle();
    return this.#store.copies();
  }

  snapshot(): TrainingSnapshot {
    this.#update?.settle();
    return this.#store.snapshot();
  }

  restore(snapshot: TrainingSnapshot): void {
    this.#update?.settle();
    this.#store.restore(snapshot);
  }

  async close(): Promise<void> {
    await Promise.all([
      this.#forward.close(),
      ...[...this.#steps.values()].map(({ session }) => session.release()),
    ]);
  }

  /** Where a step leaves what it computes; its gradients only where somebody takes them. */
  #fetches({ loss, gradients, moved, emitted }: CompiledStep, check: boolean): Record<string, Tensor> {
    return {
      [names.loss]: loss.tensor,
      ...(this.#update && !check ? {} : gradients.fetches),
      ...Object.fromEntries(emitted.map(({ name, tensor }) => [names.emitted(name), tensor])),
      ...Object.fromEntries(moved.map(({ name, tensor }) => [names.next(names.weight(name)), tensor])),
      ...this.#update?.fetches(),
    };
  }
}
