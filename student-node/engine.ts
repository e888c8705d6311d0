import { chooseBackend } from "../shared/compute/backend.ts";
import {
  type ComputeSettings,
  computeSettings,
  type RoleCompute,
} from "../shared/compute/computeSettings.ts";
import type { ComputeSpec } from "../shared/config/spec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { StillhouseError } from "../shared/errors.ts";
import {
  type LabelStoreLayout,
  LabelStoreReader,
  type ReadAgain,
} from "../shared/labels/labelStoreReader.ts";
import type { KnownPart } from "../shared/labels/labelStoreWriter.ts";
import type { DecidedChunk } from "../shared/labels/presence.ts";
import type {
  EvaluationTask,
  StudentCompute,
  StudentTraining,
  TestFindings,
  TrainedStudent,
  TrainingHooks,
} from "./compute.ts";
import { evaluateRun } from "./evaluation.ts";
import { trainStudent } from "./training.ts";

/** The TensorFlow side of a student node: runs in a worker thread, or in a test's own thread. */
export class StudentEngine implements StudentCompute {
  readonly #datasets = new Map<string, Dataset>();
  readonly #backend: ReturnType<typeof chooseBackend>;
  #labels: LabelStoreReader | undefined;
  #interrupted = false;

  constructor(role: RoleCompute) {
    this.#backend = chooseBackend(role);
  }

  async backend(): Promise<string> {
    return (await this.#backend).name;
  }

  async openData(dataset: Dataset): Promise<void> {
    this.#datasets.set(dataset.hash, dataset);
  }

  async openLabels(path: string, layout: LabelStoreLayout, readAgain: ReadAgain): Promise<void> {
    this.#labels?.close();
    this.#labels = new LabelStoreReader(path, layout, readAgain);
  }

  async addLabels(parts: readonly KnownPart[]): Promise<void> {
    for (const part of parts) this.#openedLabels().add(part);
  }

  async addDecision(decided: DecidedChunk): Promise<void> {
    this.#openedLabels().presence.decide(decided);
  }

  async train(training: StudentTraining, hooks: TrainingHooks): Promise<TrainedStudent> {
    this.#interrupted = false;
    const settings = await this.#settings(training.compute);
    return trainStudent(training, this.#dataset(training.dataHash), this.#openedLabels(), settings, hooks, {
      now: () => performance.now(),
      isInterrupted: () => this.#interrupted,
    });
  }

  async interrupt(): Promise<void> {
    this.#interrupted = true;
  }

  async evaluate(task: EvaluationTask): Promise<TestFindings> {
    const settings = await this.#settings(task.compute);
    return evaluateRun(task, this.#dataset(task.dataHash), this.#openedLabels(), settings);
  }

  async close(): Promise<void> {
    this.#labels?.close();
    this.#labels = undefined;
  }

  async #settings(spec: ComputeSpec): Promise<ComputeSettings> {
    return computeSettings(await this.#backend, spec, "student");
  }

  #openedLabels(): LabelStoreReader {
    if (!this.#labels) throw new StillhouseError("Cannot read labels: no label store was opened here");
    return this.#labels;
  }

  #dataset(hash: string): Dataset {
    const dataset = this.#datasets.get(hash);
    if (!dataset) throw new StillhouseError(`Cannot compute on data ${hash}: it was not opened here`);
    return dataset;
  }
}
