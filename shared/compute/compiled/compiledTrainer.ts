import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StillhouseError } from "../../errors.ts";
import { type NamedWeight, weightSlots } from "../../model/weights.ts";
import type { ComputeSettings } from "../computeSettings.ts";
import { type TensorUpdate, tensorUpdate } from "../optimizers/inGraph.ts";
import { predictLogits } from "../predictLogits.ts";
import { learningRateAt } from "../schedule.ts";
import { checkLoss, type Trainer, type TrainerOptions, type TrainingSnapshot } from "../trainer.ts";
import { WeightStore } from "../weightStore.ts";
import { BatchFeeds } from "./batchFeeds.ts";
import { checkGradients, checkLogits, graphHash, isChecked } from "./checkAgainstEager.ts";
import { checkNothingBakedIn } from "./compareRecordings.ts";
import { CompiledForward } from "./compiledForward.ts";
import { InGraphUpdate } from "./inGraphUpdate.ts";
import { lower } from "./lower.ts";
import { createSession, loadOnnxRuntime, type SessionOptions } from "./session.ts";
import { names, type RecordedTraining, recordTraining } from "./trainingGraph.ts";

/** A session is memory and a compilation: a training that needs more of them is planned wrongly. */
const MOST_SIZES = 8;

export type CompiledSettings = SessionOptions & Pick<ComputeSettings, "update">;

export class TooManyBatchSizes extends StillhouseError {}

/** One step on a batch of one size. */
interface SizedStep {
  graphHash: string;
  session: InferenceSession;
  batch: BatchFeeds;
  feeds: Record<string, Tensor>;
  loss: { tensor: Tensor; values: Float32Array };
  /** Weights that the forward pass moves, and where it leaves them. */
  moved: { name: string; values: Float32Array; next: Float32Array; tensor: Tensor }[];
}

/**
 * Trains with compiled graphs, one for each batch size, in one of two forms. "in-place": a graph gives loss and
 * gradients, and the optimiser changes the weights' own memory. "in-graph": the optimiser is part of the graph, weights
 * in and weights out. All graphs are there before the first step; the first step of each is checked against
 * TensorFlow.js.
 */
export class CompiledTrainer implements Trainer {
  readonly #options: TrainerOptions;
  readonly #store: WeightStore;
  readonly #steps = new Map<number, SizedStep>();
  readonly #forward: CompiledForward;
  readonly #update: InGraphUpdate | undefined;
  /** Where graphs leave the gradients. */
  readonly #gradients: Record<string, Tensor>;
  #graphMs = 0;

  /** @throws UnsupportedKernel, ValueReadWhileRecording, BakedIn, TooManyBatchSizes */
  static async open(options: TrainerOptions, settings: CompiledSettings): Promise<CompiledTrainer> {
    const { model, dataset, batchSizes, optimizer, clipNorm } = options;
    const sizes = [...new Set(batchSizes)];
    if (sizes.length > MOST_SIZES) {
      throw new TooManyBatchSizes(
        `Cannot compile a training for batches of ${sizes.length} sizes ([${sizes}]): at most ${MOST_SIZES} are kept`,
        { fields: { sizes } },
      );
    }
    const formulas = settings.update === "in-graph" ? tensorUpdate(optimizer, clipNorm) : undefined;
    const recordings = await recordSizes(options, sizes, formulas);
    const forward = await CompiledForward.ofModel(model, dataset.inputShape, weightSlots(model), settings);
    const store = new WeightStore(model, optimizer);
    const update = formulas && (await InGraphUpdate.of(formulas, store));
    const trainer = new CompiledTrainer(options, store, forward, update, (await loadOnnxRuntime()).Tensor);
    for (const [size, recorded] of recordings) await trainer.#addSize(size, recorded, settings);
    return trainer;
  }

  private constructor(
    options: TrainerOptions,
    store: WeightStore,
    forward: CompiledForward,
    update: InGraphUpdate | undefined,
    TensorType: typeof Tensor,
  ) {
    this.#options = options;
    this.#store = store;
    this.#forward = forward;
    this.#update = update;
    this.#gradients = Object.fromEntries(
      store
        .trained()
        .map(({ name, shape, gradient }) => [
          names.gradient(name),
          new TensorType("float32", gradient, shape),
        ]),
    );
    forward.useWeights(store.weights);
  }

  async step(step: number, ids: Uint32Array): Promise<number> {
    const { schedule, optimizer, totalSteps, stepsPerEpoch, clipNorm } = this.#options;
    const sized = this.#steps.get(ids.length);
    if (!sized) {
      throw new RangeError(
        `Cannot train on ${ids.length} samples: the step is compiled for [${[...this.#steps.keys()]}]`,
      );
    }
    sized.batch.fill(step, ids);
    const update = this.#update;
    const rate = learningRateAt(schedule, optimizer.lr, step, totalSteps, stepsPerEpoch);
    const check = !isChecked(sized.graphHash);
    if (check) update?.settle();
    const fetches: Record<string, Tensor> = { [names.loss]: sized.loss.tensor };
    if (!update || check) Object.assign(fetches, this.#gradients);
    for (const { name, tensor } of sized.moved) fetches[names.next(names.weight(name))] = tensor;
    const feeds = update ? { ...sized.feeds, ...update.feeds(rate, step) } : sized.feeds;
    if (update) Object.assign(fetches, update.fetches());

    const startedAt = performance.now();
    await sized.session.run(feeds, fetches);
    this.#graphMs = performance.now() - startedAt;
    const loss = sized.loss.values[0] as number;
    checkLoss(loss, step);
    if (check) {
      checkGradients(sized.graphHash, this.#options, this.#store, step, ids, loss, sized.moved);
    }
    if (update) update.done(check ? { rate, clipNorm } : null);
    else this.#store.update(rate, clipNorm);
    for (const { values, next } of sized.moved) values.set(next);
    return loss;
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

  async #addSize(
    size: number,
    { recording, masks, moved }: RecordedTraining,
    options: SessionOptions,
  ): Promise<void> {
    const { Tensor } = await loadOnnxRuntime();
    const graph = lower(recording);
    const session = await createSession(graph, options);
    const batch = await BatchFeeds.of(this.#options, masks, size);
    const feeds: Record<string, Tensor> = { ...batch.tensors };
    const movedValues: SizedStep["moved"] = [];
    for (const { name, shape, values } of this.#store.weights) {
      feeds[names.weight(name)] = new Tensor("float32", values, shape);
      if (!moved.includes(name)) continue;
      const next = new Float32Array(values.length);
      movedValues.push({ name, values, next, tensor: new Tensor("float32", next, shape) });
    }
    // A target or weight that the loss does not depend on is no input of the graph.
    const taken = new Set(session.inputNames);
    for (const name of Object.keys(feeds)) if (!taken.has(name)) delete feeds[name];
    const loss = new Float32Array(1);
    this.#steps.set(size, {
      graphHash: graphHash(graph),
      session,
      batch,
      feeds,
      loss: { tensor: new Tensor("float32", loss, []), values: loss },
      moved: movedValues,
    });
  }
}

/** Records the step for every size, and checks that nothing but the size makes a difference. */
async function recordSizes(
  options: TrainerOptions,
  sizes: readonly number[],
  update: TensorUpdate | undefined,
): Promise<Map<number, RecordedTraining>> {
  const subject = { ...options, inputShape: options.dataset.inputShape };
  const recordings = new Map<number, RecordedTraining>();
  for (const size of sizes) recordings.set(size, await recordTraining(subject, size, update));
  const [first = 1] = sizes;
  const recording = (recordings.get(first) as RecordedTraining).recording;
  const again = await recordTraining(subject, first, update);
  const other = await recordTraining(subject, first + 1, update);
  checkNothingBakedIn(recording, again.recording, other.recording);
  return recordings;
}
