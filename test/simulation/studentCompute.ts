import { type Clock, sleep } from "../../shared/bus/clock.ts";
import { TrainingInterrupted } from "../../shared/compute/interrupted.ts";
import type { Batch } from "../../shared/compute/planBatches.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import {
  type LabelStoreLayout,
  LabelStoreReader,
  type ReadAgain,
} from "../../shared/labels/labelStoreReader.ts";
import type { KnownPart } from "../../shared/labels/labelStoreWriter.ts";
import type { DecidedChunk } from "../../shared/labels/presence.ts";
import { labelGate, studentBatches } from "../../student-node/batchPlan.ts";
import type {
  EvaluationTask,
  StudentCompute,
  StudentTraining,
  TestFindings,
  TrainedStudent,
  TrainingHooks,
} from "../../student-node/compute.ts";
import { LabelLookahead } from "../../student-node/labelLookahead.ts";
import { teacherLogits } from "../../student-node/teacherLogits.ts";
import { evaluateLineages } from "./evaluation.ts";
import { emptyLineage, type Lineage, learn, packLineage, placesOf, unpackLineage } from "./lineage.ts";
import { nothingLearnt } from "./teacherCompute.ts";

/** How long a step takes, in milliseconds of the simulated clock. */
export type StepTime = (step: number) => number;

/**
 * A student without a model. It walks the real plan of batches, waits for labels as a training does, and reads those of
 * every sample of every step from the label store; what it learns is a hash of them.
 */
export class LineageStudent implements StudentCompute {
  readonly #clock: Clock;
  readonly #stepMs: StepTime;
  readonly #datasets = new Map<string, Dataset>();
  readonly #closed = new AbortController();
  #labels: LabelStoreReader | undefined;
  #interrupted = false;

  constructor(clock: Clock, stepMs: StepTime) {
    this.#clock = clock;
    this.#stepMs = stepMs;
  }

  async backend(): Promise<string> {
    return "simulated";
  }

  async openData(dataset: Dataset): Promise<void> {
    this.#datasets.set(dataset.hash, dataset);
  }

  async openLabels(path: string, layout: LabelStoreLayout, readAgain: ReadAgain): Promise<void> {
    this.#labels?.close();
    this.#labels = new LabelStoreReader(path, layout, readAgain);
  }

  async addLabels(parts: readonly KnownPart[]): Promise<void> {
    for (const part of parts) this.#opened().add(part);
  }

  async addDecision(decided: DecidedChunk): Promise<void> {
    this.#opened().presence.decide(decided);
  }

  async train(training: StudentTraining, hooks: TrainingHooks): Promise<TrainedStudent> {
    const { job, student, teachers, checkpoint } = training;
    const { epochs } = student.train;
    const dataset = this.#dataset(training.dataHash);
    const places = placesOf(dataset);
    const batchesOf = studentBatches(training, dataset);
    const first = batchesOf(0);
    const total = first.length * epochs;
    const taught = job.kind === "student" && teachers.length > 0;
    const ready = taught ? labelGate(training, dataset, first, hooks) : undefined;
    const lookahead = taught ? new LabelLookahead(training, dataset, batchesOf, this.#opened()) : undefined;
    const name = `${job.kind} ${job.seed}`;
    let lineage = checkpoint ? unpackLineage(checkpoint) : emptyLineage(epochs, places.size, name);
    this.#interrupted = false;
    let savedStep = lineage.step;
    const save = async (): Promise<void> => {
      if (lineage.step === savedStep) return;
      await hooks.onCheckpoint(lineage.step, packLineage(lineage));
      savedStep = lineage.step;
    };
    const endIfInterrupted = async (): Promise<void> => {
      if (!this.#interrupted || lineage.step === total) return;
      await save();
      throw new TrainingInterrupted(`told to end after step ${lineage.step}`, { retry: true });
    };
    let planned: { epoch: number; batches: readonly Batch[] } = { epoch: 0, batches: first };
    while (lineage.step < total) {
      const epoch = Math.floor(lineage.step / first.length);
      if (planned.epoch !== epoch) planned = { epoch, batches: batchesOf(epoch) };
      const batch = lineage.step % first.length;
      try {
        await ready?.(epoch, batch);
        await lookahead?.ready(epoch, batch);
      } catch (error) {
        await endIfInterrupted();
        throw error;
      }
      await sleep(this.#clock, this.#stepMs(lineage.step), this.#closed.signal);
      this.#closed.signal.throwIfAborted();
      const { ids } = planned.batches[batch] as Batch;
      const said = taught
        ? teachers.map((_, teacher) => teacherLogits(this.#opened(), dataset, teacher, ids))
        : [];
      lineage = this.learn(lineage, places, epoch, ids, said);
      const { step } = lineage;
      if (step % student.checkpointSteps === 0) await save();
      await endIfInterrupted();
      this.#closed.signal.throwIfAborted();
      hooks.onProgress({ step, total, samplesPerS: 0, loss: null, accuracy: null, waiting: false });
    }
    lookahead?.close();
    return {
      artifact: packLineage(lineage),
      weightsHash: lineage.hash,
      parameters: 1,
      keptEpoch: epochs,
      steps: total,
      curve: Array.from({ length: epochs }, (_, epoch) => nothingLearnt(epoch)),
      waitSeconds: 0,
    };
  }

  async interrupt(): Promise<void> {
    this.#interrupted = true;
  }

  async evaluate(task: EvaluationTask): Promise<TestFindings> {
    return evaluateLineages(task, this.#dataset(task.dataHash), this.#opened());
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#labels?.close();
    this.#labels = undefined;
  }

  /** One step. A method, so that a test can break it. */
  protected learn(...step: Parameters<typeof learn>): Lineage {
    return learn(...step);
  }

  #opened(): LabelStoreReader {
    if (!this.#labels) throw new Error("no label store was opened here");
    return this.#labels;
  }

  #dataset(hash: string): Dataset {
    const dataset = this.#datasets.get(hash);
    if (!dataset) throw new Error(`the data ${hash} was not opened here`);
    return dataset;
  }
}
