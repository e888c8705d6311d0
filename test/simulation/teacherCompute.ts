import { type Clock, sleep } from "../../shared/bus/clock.ts";
import { TrainingInterrupted } from "../../shared/compute/interrupted.ts";
import { type Batch, planBatches } from "../../shared/compute/planBatches.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { labelledIds } from "../../shared/data/gather.ts";
import type { View } from "../../shared/data/views/view.ts";
import { sha256 } from "../../shared/determinism/hash.ts";
import { rng } from "../../shared/determinism/rng.ts";
import type { CurvePoint } from "../../shared/evaluate/reportSchema.ts";
import { pack, unpack } from "../../shared/protocol/msgpack.ts";
import type {
  TeacherCompute,
  TeacherToLoad,
  TeacherTraining,
  TrainedModel,
  TrainingHooks,
} from "../../teacher-node/compute.ts";
import { SimulatedTeacher } from "../helpers/computes.ts";

/** How long a teacher node computes, in milliseconds of the simulated clock. */
export interface TeacherTimes {
  predictMs(labelling: string, rows: Uint32Array): number;
  stepMs(step: number): number;
}

interface TrainingState {
  readonly step: number;
  readonly hash: string;
}

/**
 * Teachers without models, which take their time. Their logits are a function of the model's bytes, the shard and the
 * row; a training folds the samples of each step into a hash, which is all that its model is.
 */
export class TimedTeacher implements TeacherCompute {
  readonly #inner = new SimulatedTeacher();
  readonly #datasets = new Map<string, Dataset>();
  readonly #clock: Clock;
  readonly #times: TeacherTimes;
  readonly #closed = new AbortController();
  #interrupted = false;
  /** One thing is computed after the other, as in a thread. */
  #before: Promise<void> = Promise.resolve();

  constructor(clock: Clock, times: TeacherTimes) {
    this.#clock = clock;
    this.#times = times;
  }

  backend(): ReturnType<TeacherCompute["backend"]> {
    return this.#inner.backend();
  }

  async openData(dataset: Dataset): Promise<void> {
    this.#datasets.set(dataset.hash, dataset);
    await this.#inner.openData(dataset);
  }

  load(teacher: TeacherToLoad): ReturnType<TeacherCompute["load"]> {
    return this.#inner.load(teacher);
  }

  unload(labelling: string): Promise<void> {
    return this.#inner.unload(labelling);
  }

  async predict(
    labelling: string,
    dataHash: string,
    shard: number,
    rows: Uint32Array,
    view?: View,
  ): Promise<Float32Array> {
    await this.#compute(this.#times.predictMs(labelling, rows));
    return this.#inner.predict(labelling, dataHash, shard, rows, view);
  }

  async probe(labelling: string, dataHash: string, shard: number, rows: Uint32Array): Promise<Float32Array> {
    await this.#compute(this.#times.predictMs(labelling, rows));
    return this.#inner.probe(labelling, dataHash, shard, rows);
  }

  async train(task: TeacherTraining, hooks: TrainingHooks): Promise<TrainedModel> {
    const dataset = this.#datasets.get(task.dataHash);
    if (!dataset) throw new Error(`the data ${task.dataHash} was not opened here`);
    const epochs = Array.from({ length: task.train.epochs }, (_, epoch) => batchesOf(task, dataset, epoch));
    const batches = epochs.flat();
    let state: TrainingState = task.checkpoint
      ? readState(task.checkpoint)
      : { step: 0, hash: sha256(task.name, String(task.train.seed)) };
    let savedAt = this.#clock.now();
    this.#interrupted = false;
    while (state.step < batches.length) {
      await this.#compute(this.#times.stepMs(state.step));
      const { ids } = batches[state.step] as Batch;
      state = { step: state.step + 1, hash: sha256(state.hash, ids.join()) };
      hooks.onProgress({
        step: state.step,
        total: batches.length,
        samplesPerS: 0,
        loss: null,
        accuracy: null,
        waiting: false,
      });
      const ends = this.#interrupted && state.step < batches.length;
      if (!ends && this.#clock.now() - savedAt < task.checkpointMs) continue;
      await hooks.onCheckpoint(state.step, pack({ version: 1, state }));
      savedAt = this.#clock.now();
      if (ends) throw new TrainingInterrupted(`told to end after step ${state.step}`, { retry: true });
    }
    const artifact = pack({ teacher: task.name, hash: state.hash });
    return {
      artifact,
      weightsHash: state.hash,
      parameters: 1,
      curve: epochs.map((_, at) => nothingLearnt(at)),
    };
  }

  async interrupt(): Promise<void> {
    this.#interrupted = true;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#inner.close();
  }

  /** Ends with the node, as a compute thread does. */
  async #compute(ms: number): Promise<void> {
    const mine = this.#before.then(() => sleep(this.#clock, ms, this.#closed.signal));
    this.#before = mine;
    await mine;
    this.#closed.signal.throwIfAborted();
  }
}

/** In the order that `teacher-node/training.ts` draws. */
function batchesOf({ name, train }: TeacherTraining, dataset: Dataset, epoch: number): Batch[] {
  const stream = rng("teacher", name, train.seed, "order", epoch);
  return planBatches(dataset, stream.shuffle(labelledIds(dataset, dataset.splits.train).slice()), train);
}

function readState(checkpoint: Uint8Array): TrainingState {
  return (unpack(checkpoint) as { state: TrainingState }).state;
}

/** A hash has no loss: what a report must hold of an epoch, and nobody should read. */
export function nothingLearnt(epoch: number): CurvePoint {
  return { epoch: epoch + 1, trainLoss: 0, validationLoss: 0, validationAccuracy: 0 };
}
