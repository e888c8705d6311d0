import type { Dataset } from "../../shared/data/dataset.ts";
import type { View } from "../../shared/data/views/view.ts";
import { sha256 } from "../../shared/determinism/hash.ts";
import { rng } from "../../shared/determinism/rng.ts";
import type { LabelStoreLayout, ReadAgain } from "../../shared/labels/labelStoreReader.ts";
import type { KnownPart } from "../../shared/labels/labelStoreWriter.ts";
import type { DecidedChunk } from "../../shared/labels/presence.ts";
import type {
  EvaluationTask,
  StudentCompute,
  StudentTraining,
  TestFindings,
  TrainedStudent,
  TrainingHooks,
} from "../../student-node/compute.ts";
import type {
  TeacherCompute,
  TrainingHooks as TeacherHooks,
  TeacherToLoad,
  TeacherTraining,
  TrainedModel,
} from "../../teacher-node/compute.ts";
import type { Life } from "./mortality.ts";

/** A teacher without TensorFlow: its logits are a function of its model's bytes, the shard and the row alone. */
export class SimulatedTeacher implements TeacherCompute {
  readonly #datasets = new Map<string, Dataset>();
  readonly #teachers = new Map<string, string>();

  async backend(): Promise<{ name: string; version: string }> {
    return { name: "simulated", version: "1" };
  }

  async openData(dataset: Dataset): Promise<void> {
    this.#datasets.set(dataset.hash, dataset);
  }

  async load({ labelling, bytes }: TeacherToLoad): Promise<null> {
    this.#teachers.set(labelling, sha256(bytes));
    return null;
  }

  async unload(labelling: string): Promise<void> {
    this.#teachers.delete(labelling);
  }

  async predict(
    labelling: string,
    dataHash: string,
    shard: number,
    rows: Uint32Array,
    view?: View,
  ): Promise<Float32Array> {
    const model = this.#teachers.get(labelling);
    const dataset = this.#datasets.get(dataHash);
    if (model === undefined || dataset === undefined) throw new Error("the teacher or the data is not there");
    const { number = 0 } = view ?? {};
    const name = number === 0 ? [] : [number];
    const draws = rng(model, "logits", dataset.shards[shard]?.hash ?? "", ...name);
    const { classes } = dataset;
    // Within plus and minus 6, as the logits of a trained classifier are.
    return Float32Array.from(
      { length: rows.length * classes },
      (_, i) =>
        (draws.at((rows[Math.floor(i / classes)] as number) * classes + (i % classes)) / 2 ** 32) * 12 - 6,
    );
  }

  probe(labelling: string, dataHash: string, shard: number, rows: Uint32Array): Promise<Float32Array> {
    return this.predict(labelling, dataHash, shard, rows);
  }

  async train(): Promise<TrainedModel> {
    throw new Error("a simulated teacher is loaded, not trained");
  }

  async interrupt(): Promise<void> {}

  async close(): Promise<void> {}
}

export interface Prediction {
  readonly labelling: string;
  readonly shard: number;
  readonly rows: Uint32Array;
  /** Number of the view. */
  readonly view: number;
  /** 0 at the node's first prediction. */
  readonly index: number;
}

/** Stands around each prediction of a node: may wait, kill, change what comes out. */
export type AroundPrediction = (
  prediction: Prediction,
  predict: () => Promise<Float32Array>,
) => Promise<Float32Array>;

/** Counts what a teacher's compute does, by itself and not by the counters of the product. */
export class ProbedTeacher implements TeacherCompute {
  readonly #inner: TeacherCompute;
  readonly #life: Life;
  readonly #around: AroundPrediction;
  readonly #rounding: (logit: number, index: number, labelling: string) => number;
  readonly #onCheckpoint: (task: TeacherTraining, step: number) => void | Promise<void>;
  /** Rows of predictions that came to their end. */
  rowsPredicted = 0;
  predictions = 0;
  trainings = 0;
  /** Of the last teacher that was loaded. */
  threads: number | undefined;

  constructor(
    inner: TeacherCompute,
    life: Life,
    around: AroundPrediction = (_, predict) => predict(),
    rounding: (logit: number, index: number, labelling: string) => number = (logit) => logit,
    onCheckpoint: (task: TeacherTraining, step: number) => void | Promise<void> = () => undefined,
  ) {
    this.#inner = inner;
    this.#onCheckpoint = onCheckpoint;
    this.#rounding = rounding;
    this.#life = life;
    this.#around = around;
  }

  backend(): Promise<{ name: string; version: string }> {
    return this.#inner.backend();
  }

  openData(dataset: Dataset): Promise<void> {
    return this.#inner.openData(dataset);
  }

  load(teacher: TeacherToLoad): ReturnType<TeacherCompute["load"]> {
    this.threads = teacher.compute.threads.teacher;
    return this.#inner.load(teacher);
  }

  unload(labelling: string): Promise<void> {
    return this.#inner.unload(labelling);
  }

  predict(
    labelling: string,
    dataHash: string,
    shard: number,
    rows: Uint32Array,
    view?: View,
  ): Promise<Float32Array> {
    const prediction = { labelling, shard, rows, view: view?.number ?? 0, index: this.predictions++ };
    const answer = this.#around(prediction, () =>
      this.#inner.predict(labelling, dataHash, shard, rows, view),
    );
    return this.#life.heard(
      answer.then((logits) => {
        if (!this.#life.dead) this.rowsPredicted += rows.length;
        return logits;
      }),
    );
  }

  /** Not counted, as it is no pass. */
  async probe(labelling: string, dataHash: string, shard: number, rows: Uint32Array): Promise<Float32Array> {
    const logits = await this.#inner.probe(labelling, dataHash, shard, rows);
    return logits.map((logit, index) => this.#rounding(logit, index, labelling));
  }

  train(task: TeacherTraining, hooks: TeacherHooks): Promise<TrainedModel> {
    this.trainings++;
    const goOn = (): void => {
      if (this.#life.dead) throw new Ended();
    };
    return this.#life.heard(
      this.#inner.train(task, {
        onProgress: (progress) => {
          goOn();
          hooks.onProgress(progress);
        },
        onCheckpoint: async (step, state) => {
          goOn();
          await hooks.onCheckpoint(step, state);
          await this.#onCheckpoint(task, step);
          goOn();
        },
      }),
    );
  }

  interrupt(): Promise<void> {
    return this.#inner.interrupt();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

/** Unwinds what still computes when its thread would have been ended, so that it leaves no tensors. */
class Ended extends Error {}

export interface StudentWatch {
  /** After a checkpoint is stored. */
  onCheckpoint?(training: StudentTraining, step: number): void;
  /** When a training starts, before its first step. */
  onTrain?(training: StudentTraining): void;
}

/** A student's compute that a test looks into, and that ends with its node as a worker thread does. */
export class ProbedStudent implements StudentCompute {
  readonly #inner: StudentCompute;
  readonly #life: Life;
  readonly #watch: StudentWatch;
  #ended = false;
  /** Rejects when the compute is closed or its node killed. */
  readonly #end: Promise<never>;
  readonly #stop: () => void;
  #training: Promise<unknown> = Promise.resolve();

  constructor(inner: StudentCompute, life: Life, watch: StudentWatch) {
    this.#inner = inner;
    this.#life = life;
    this.#watch = watch;
    let reject: (reason: Ended) => void = () => undefined;
    this.#end = new Promise((_, no) => {
      reject = no;
    });
    this.#end.catch(() => undefined);
    this.#stop = () => {
      this.#ended = true;
      reject(new Ended());
    };
    life.onEnd(() => void this.close());
  }

  backend(): Promise<string> {
    return this.#inner.backend();
  }

  openData(dataset: Dataset): Promise<void> {
    return this.#inner.openData(dataset);
  }

  openLabels(path: string, layout: LabelStoreLayout, readAgain: ReadAgain): Promise<void> {
    return this.#inner.openLabels(path, layout, (parts) =>
      Promise.race([readAgain(parts), this.#end]).finally(() => {
        if (this.#ended) throw new Ended();
      }),
    );
  }

  addLabels(parts: readonly KnownPart[]): Promise<void> {
    return this.#inner.addLabels(parts);
  }

  addDecision(decided: DecidedChunk): Promise<void> {
    return this.#inner.addDecision(decided);
  }

  train(training: StudentTraining, hooks: TrainingHooks): Promise<TrainedStudent> {
    const goOn = (): void => {
      if (this.#ended) throw new Ended();
    };
    this.#watch.onTrain?.(training);
    const trained = this.#inner.train(training, {
      onProgress: (progress) => {
        goOn();
        hooks.onProgress(progress);
      },
      onCheckpoint: async (step, state) => {
        goOn();
        await Promise.race([hooks.onCheckpoint(step, state), this.#end]);
        this.#watch.onCheckpoint?.(training, step);
        goOn();
      },
      labelsUpTo: async (count) => {
        goOn();
        await Promise.race([hooks.labelsUpTo(count), this.#end]);
        goOn();
      },
      publishWeights: async (step, weights) => {
        goOn();
        await Promise.race([hooks.publishWeights(step, weights), this.#end]);
        goOn();
      },
      peerWeights: async (seed, of, step) => {
        goOn();
        const weights = await Promise.race([hooks.peerWeights(seed, of, step), this.#end]);
        goOn();
        return weights;
      },
    });
    this.#training = trained.catch(() => undefined);
    return this.#life.heard(trained);
  }

  interrupt(): Promise<void> {
    return this.#inner.interrupt();
  }

  evaluate(task: EvaluationTask): Promise<TestFindings> {
    return this.#life.heard(this.#inner.evaluate(task));
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#training;
    await this.#inner.close();
  }
}
