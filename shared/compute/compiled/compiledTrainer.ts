import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StillhouseError } from "../../errors.ts";
import { type NamedWeight, weightSlots } from "../../model/weights.ts";
import { predictLogits } from "../predictLogits.ts";
import { learningRateAt } from "../schedule.ts";
import { checkLoss, type Trainer, type TrainerOptions, type TrainingSnapshot } from "../trainer.ts";
import { WeightStore } from "../weightStore.ts";
import { BatchFeeds } from "./batchFeeds.ts";
import { checkGradients, checkLogits, graphHash, isChecked } from "./checkAgainstEager.ts";
import { checkNothingBakedIn } from "./compareRecordings.ts";
import { CompiledForward } from "./compiledForward.ts";
import { lower } from "./lower.ts";
import { createSession, loadOnnxRuntime, type SessionOptions } from "./session.ts";
import { names, type RecordedTraining, recordTraining } from "./trainingGraph.ts";

/** A session is memory and a compilation: a training that needs more of them is planned wrongly. */
const MOST_SIZES = 8;

export class TooManyBatchSizes extends StillhouseError {}

/** One step on a batch of one size. */
interface SizedStep {
  graphHash: string;
  session: InferenceSession;
  batch: BatchFeeds;
  feeds: Record<string, Tensor>;
  fetches: Record<string, Tensor>;
  /** Weights that the forward pass moves, and where it leaves them. */
  moved: { name: string; values: Float32Array; next: Float32Array }[];
  loss: Float32Array;
}

/**
 * Trains with compiled graphs: one for each batch size gives loss and gradients, the optimiser changes the weights in
 * place. All graphs are there before the first step; the first step of each is checked against TensorFlow.js.
 */
export class CompiledTrainer implements Trainer {
  readonly #options: TrainerOptions;
  readonly #store: WeightStore;
  readonly #steps = new Map<number, SizedStep>();
  readonly #forward: CompiledForward;
  #graphMs = 0;

  /** @throws UnsupportedKernel, ValueReadWhileRecording, BakedIn, TooManyBatchSizes */
  static async open(options: TrainerOptions, session: SessionOptions): Promise<CompiledTrainer> {
    const { model, dataset, batchSizes } = options;
    const sizes = [...new Set(batchSizes)];
    if (sizes.length > MOST_SIZES) {
      throw new TooManyBatchSizes(
        `Cannot compile a training for batches of ${sizes.length} sizes ([${sizes}]): at most ${MOST_SIZES} are kept`,
        { fields: { sizes } },
      );
    }
    const recordings = await recordSizes(options, sizes);
    const weights = weightSlots(model);
    const forward = await CompiledForward.ofModel(model, dataset.inputShape, weights, session);
    const trainer = new CompiledTrainer(options, forward);
    for (const [size, recorded] of recordings) await trainer.#addSize(size, recorded, session);
    return trainer;
  }

  private constructor(options: TrainerOptions, forward: CompiledForward) {
    this.#options = options;
    this.#store = new WeightStore(options.model, options.optimizer);
    this.#forward = forward;
    forward.useWeights(this.#store.weights);
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
    const startedAt = performance.now();
    await sized.session.run(sized.feeds, sized.fetches);
    this.#graphMs = performance.now() - startedAt;
    const loss = sized.loss[0] as number;
    checkLoss(loss, step);
    if (!isChecked(sized.graphHash)) {
      checkGradients(sized.graphHash, this.#options, this.#store, step, ids, loss, sized.moved);
    }
    this.#store.update(learningRateAt(schedule, optimizer.lr, step, totalSteps, stepsPerEpoch), clipNorm);
    for (const { values, next } of sized.moved) values.set(next);
    return loss;
  }

  /** Time that the last step spent in its graph. */
  graphMs(): number {
    return this.#graphMs;
  }

  async predict(ids: Uint32Array): Promise<Float32Array> {
    const logits = await predictLogits(this.#forward, this.#options.dataset, ids);
    const hash = this.#forward.graphHash;
    if (!isChecked(hash)) checkLogits(hash, this.#options, this.#store, ids, logits);
    return logits;
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
    const loss = new Float32Array(1);
    const fetches: Record<string, Tensor> = { [names.loss]: new Tensor("float32", loss, []) };
    const feeds: Record<string, Tensor> = { ...batch.tensors };
    const movedValues: SizedStep["moved"] = [];
    for (const { name, shape, values, gradient } of this.#store.weights) {
      feeds[names.weight(name)] = new Tensor("float32", values, shape);
      if (gradient) fetches[names.gradient(name)] = new Tensor("float32", gradient, shape);
      if (!moved.includes(name)) continue;
      const next = new Float32Array(values.length);
      movedValues.push({ name, values, next });
      fetches[names.next(names.weight(name))] = new Tensor("float32", next, shape);
    }
    // A target or weight that the loss does not depend on is no input of the graph.
    const taken = new Set(session.inputNames);
    for (const name of Object.keys(feeds)) if (!taken.has(name)) delete feeds[name];
    this.#steps.set(size, {
      graphHash: graphHash(graph),
      session,
      batch,
      feeds,
      fetches,
      moved: movedValues,
      loss,
    });
  }
}

/** Records the step for every size, and checks that nothing but the size makes a difference. */
async function recordSizes(
  options: TrainerOptions,
  sizes: readonly number[],
): Promise<Map<number, RecordedTraining>> {
  const subject = { ...options, inputShape: options.dataset.inputShape };
  const recordings = new Map<number, RecordedTraining>();
  for (const size of sizes) recordings.set(size, await recordTraining(subject, size));
  const [first = 1] = sizes;
  const recording = (recordings.get(first) as RecordedTraining).recording;
  const again = await recordTraining(subject, first);
  const other = await recordTraining(subject, first + 1);
  checkNothingBakedIn(recording, again.recording, other.recording);
  return recordings;
}
