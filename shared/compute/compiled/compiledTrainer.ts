import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StillhouseError } from "../../errors.ts";
import { type NamedWeight, weightSlots } from "../../model/weights.ts";
import type { ComputeSettings } from "../computeSettings.ts";
import { type TensorUpdate, tensorUpdate } from "../optimizers/inGraph.ts";
import { type Batch, type BatchShape, shapeName, shapesOf } from "../planBatches.ts";
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
const MOST_SHAPES = 8;

export type CompiledSettings = SessionOptions & Pick<ComputeSettings, "update">;

export class TooManyBatchShapes extends StillhouseError {}

/** One step on a batch of one shape. */
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
 * Trains with compiled graphs, one for each shape of a batch, in one of two forms. "in-place": a graph gives loss and
 * gradients, and the optimiser changes the weights' own memory. "in-graph": the optimiser is part of the graph, weights
 * in and weights out. All graphs are there before the first step; the first step of each is checked against
 * TensorFlow.js.
 */
export class CompiledTrainer implements Trainer {
  readonly #options: TrainerOptions;
  readonly #store: WeightStore;
  /** By the name of the shape. */
  readonly #steps = new Map<string, SizedStep>();
  readonly #forward: CompiledForward;
  readonly #update: InGraphUpdate | undefined;
  /** Where graphs leave the gradients. */
  readonly #gradients: Record<string, Tensor>;
  #graphMs = 0;

  /** @throws UnsupportedKernel, ValueReadWhileRecording, BakedIn, TooManyBatchShapes */
  static async open(options: TrainerOptions, settings: CompiledSettings): Promise<CompiledTrainer> {
    const { model, dataset, batchShapes, optimizer, clipNorm } = options;
    if (batchShapes.length > MOST_SHAPES) {
      const shapes = batchShapes.map(shapeName);
      throw new TooManyBatchShapes(
        `Cannot compile a training for batches of ${shapes.length} shapes ([${shapes.join(", ")}]): at most ${MOST_SHAPES} are kept; declare fewer length buckets, or set dropRemainder`,
        { fields: { shapes } },
      );
    }
    const formulas = settings.update === "in-graph" ? tensorUpdate(optimizer, clipNorm) : undefined;
    const recordings = await recordShapes(options, formulas);
    const forward = await CompiledForward.ofModel(model, dataset.inputShape, weightSlots(model), settings);
    const store = new WeightStore(model, optimizer);
    const update = formulas && (await InGraphUpdate.of(formulas, store));
    const trainer = new CompiledTrainer(options, store, forward, update, (await loadOnnxRuntime()).Tensor);
    for (const { shape, recorded } of recordings) await trainer.#addShape(shape, recorded, settings);
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

  async step(step: number, batch: Batch): Promise<number> {
    const { schedule, optimizer, totalSteps, stepsPerEpoch, clipNorm } = this.#options;
    const [shape] = shapesOf([batch]) as [BatchShape];
    const sized = this.#steps.get(shapeName(shape));
    if (!sized) {
      throw new RangeError(
        `Cannot train on a batch of ${shapeName(shape)}: steps are compiled for [${[...this.#steps.keys()].join(", ")}]`,
      );
    }
    sized.batch.fill(step, batch);
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
      checkGradients(sized.graphHash, this.#options, this.#store, step, batch, loss, sized.moved);
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

  async #addShape(
    shape: BatchShape,
    { recording, masks, moved }: RecordedTraining,
    options: SessionOptions,
  ): Promise<void> {
    const { Tensor } = await loadOnnxRuntime();
    const graph = lower(recording);
    const session = await createSession(graph, options);
    const batch = await BatchFeeds.of(this.#options, masks, shape);
    const feeds: Record<string, Tensor> = { ...batch.tensors };
    const movedValues: SizedStep["moved"] = [];
    for (const { name, shape: dims, values } of this.#store.weights) {
      feeds[names.weight(name)] = new Tensor("float32", values, dims);
      if (!moved.includes(name)) continue;
      const next = new Float32Array(values.length);
      movedValues.push({ name, values, next, tensor: new Tensor("float32", next, dims) });
    }
    // A target or weight that the loss does not depend on is no input of the graph.
    const taken = new Set(session.inputNames);
    for (const name of Object.keys(feeds)) if (!taken.has(name)) delete feeds[name];
    const loss = new Float32Array(1);
    this.#steps.set(shapeName(shape), {
      graphHash: graphHash(graph),
      session,
      batch,
      feeds,
      loss: { tensor: new Tensor("float32", loss, []), values: loss },
      moved: movedValues,
    });
  }
}

/** Records the step for every shape, and checks that nothing but the shape makes a difference. */
async function recordShapes(
  options: TrainerOptions,
  update: TensorUpdate | undefined,
): Promise<{ shape: BatchShape; recorded: RecordedTraining }[]> {
  const subject = { ...options, inputShape: options.dataset.inputShape };
  const recordings: { shape: BatchShape; recorded: RecordedTraining }[] = [];
  for (const shape of options.batchShapes) {
    const recorded = await recordTraining(subject, shape, update);
    const again = await recordTraining(subject, shape, update);
    const other = await recordTraining(subject, { ...shape, rows: shape.rows + 1 }, update);
    checkNothingBakedIn(recorded.recording, again.recording, other.recording);
    recordings.push({ shape, recorded });
  }
  return recordings;
}
