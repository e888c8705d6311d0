import { chooseBackend } from "../shared/compute/backend.ts";
import type { BackendName } from "../shared/compute/loadBackend.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { StillhouseError } from "../shared/errors.ts";
import { type LabelStoreLayout, LabelStoreReader, type StoredPart } from "../shared/labels/labelStore.ts";
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

  /** @param prefer the backend to try first; absent: the best that works here */
  constructor(prefer?: BackendName) {
    this.#backend = chooseBackend(prefer ? { prefer } : {});
  }

  async backend(): Promise<string> {
    return (await this.#backend).name;
  }

  async openData(dataset: Dataset): Promise<void> {
    this.#datasets.set(dataset.hash, dataset);
  }

  async openLabels(path: string, layout: LabelStoreLayout): Promise<void> {
    this.#labels?.close();
    this.#labels = new LabelStoreReader(path, layout);
  }

  async addLabels(parts: readonly StoredPart[]): Promise<void> {
    for (const part of parts) this.#openedLabels().add(part);
  }

  async train(training: StudentTraining, hooks: TrainingHooks): Promise<TrainedStudent> {
    await this.#backend;
    return trainStudent(training, this.#dataset(training.dataHash), this.#openedLabels(), hooks);
  }

  async evaluate(task: EvaluationTask): Promise<TestFindings> {
    const backend = await this.backend();
    return evaluateRun(task, this.#dataset(task.dataHash), this.#openedLabels(), backend);
  }

  async close(): Promise<void> {
    this.#labels?.close();
    this.#labels = undefined;
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
