import { chooseBackend } from "../shared/compute/backend.ts";
import {
  type ComputeSettings,
  computeSettings,
  type RoleCompute,
} from "../shared/compute/computeSettings.ts";
import type { Predictor } from "../shared/compute/predictors/predictor.ts";
import { loadTeacherModel } from "../shared/compute/predictors/teacherModel.ts";
import type { TrainProgress } from "../shared/compute/trainLoop.ts";
import type { ComputeSpec } from "../shared/config/spec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import { gatherRows } from "../shared/data/gather.ts";
import { StillhouseError } from "../shared/errors.ts";
import type { TeacherCompute, TeacherToLoad, TeacherTraining, TrainedModel } from "./compute.ts";
import { trainTeacher } from "./training.ts";

/** A teacher whose answers have another number of classes than the data. */
export class ClassCountMismatch extends StillhouseError {}

/** The TensorFlow side of a teacher node: runs in the worker thread, or in a test's own thread. */
export class TeacherEngine implements TeacherCompute {
  readonly #datasets = new Map<string, Dataset>();
  readonly #teachers = new Map<string, Predictor>();
  readonly #backend: ReturnType<typeof chooseBackend>;

  constructor(role: RoleCompute) {
    this.#backend = chooseBackend(role);
  }

  async backend(): Promise<{ name: string; version: string }> {
    const { name, version } = await this.#backend;
    return { name, version };
  }

  async openData(dataset: Dataset): Promise<void> {
    this.#datasets.set(dataset.hash, dataset);
  }

  async load({ labelling, name, model, bytes, classes, inputShape, compute }: TeacherToLoad): Promise<void> {
    const settings = await this.#settings(compute);
    if (this.#teachers.has(labelling)) return;
    const predictor = await loadTeacherModel(model, bytes, inputShape, settings);
    if (predictor.classes !== classes) {
      const seen = predictor.classes;
      await predictor.close();
      throw new ClassCountMismatch(
        `Cannot use teacher "${name}" as the data has ${classes} classes: its output has ${seen}`,
        { fields: { teacher: name, expected: classes, seen } },
      );
    }
    this.#teachers.set(labelling, predictor);
  }

  async unload(labelling: string): Promise<void> {
    const predictor = this.#teachers.get(labelling);
    this.#teachers.delete(labelling);
    await predictor?.close();
  }

  async predict(
    labelling: string,
    dataHash: string,
    shard: number,
    rows: Uint32Array,
  ): Promise<Float32Array> {
    const predictor = this.#teachers.get(labelling);
    if (!predictor) throw new StillhouseError(`Cannot predict with labelling ${labelling}: it is not loaded`);
    return predictor.predict(gatherRows(this.#dataset(dataHash), shard, rows), rows.length);
  }

  probe(labelling: string, dataHash: string, shard: number, rows: Uint32Array): Promise<Float32Array> {
    return this.predict(labelling, dataHash, shard, rows);
  }

  async train(task: TeacherTraining, onProgress: (progress: TrainProgress) => void): Promise<TrainedModel> {
    const settings = await this.#settings(task.compute);
    return trainTeacher(task, this.#dataset(task.dataHash), settings, onProgress);
  }

  async close(): Promise<void> {
    for (const labelling of [...this.#teachers.keys()]) await this.unload(labelling);
  }

  async #settings(spec: ComputeSpec): Promise<ComputeSettings> {
    return computeSettings((await this.#backend).name, spec, "teacher");
  }

  #dataset(hash: string): Dataset {
    const dataset = this.#datasets.get(hash);
    if (!dataset) throw new StillhouseError(`Cannot compute on data ${hash}: it was not opened here`);
    return dataset;
  }
}
