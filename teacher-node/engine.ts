import { chooseBackend } from "../shared/compute/backend.ts";
import {
  type ComputeSettings,
  computeSettings,
  type RoleCompute,
} from "../shared/compute/computeSettings.ts";
import { spreadClasses } from "../shared/compute/predictors/ownClasses.ts";
import type { Predictor } from "../shared/compute/predictors/predictor.ts";
import { quantisationAgreement } from "../shared/compute/predictors/quantisationAgreement.ts";
import { loadTeacherModel } from "../shared/compute/predictors/teacherModel.ts";
import type { ComputeSpec } from "../shared/config/spec.ts";
import type { Dataset } from "../shared/data/dataset.ts";
import type { View } from "../shared/data/views/view.ts";
import { StillhouseError } from "../shared/errors.ts";
import type { LogitAgreement } from "../shared/evaluate/reportSchema.ts";
import { unpackFolds } from "../shared/model/foldBundle.ts";
import type {
  TeacherCompute,
  TeacherToLoad,
  TeacherTraining,
  TrainedModel,
  TrainingHooks,
} from "./compute.ts";
import { predictByFold } from "./predictByFold.ts";
import { predictRows } from "./predictRows.ts";
import { trainTeacher } from "./training.ts";

/** A teacher whose answers have another number of classes than the data. */
export class ClassCountMismatch extends StillhouseError {}

/** Validation samples on which a quantised teacher is compared with itself in floats; of folds the first is. */
const COMPARED = 2000;

/** One predictor a teacher, or one a fold, and what its labels carry. */
interface LoadedTeacher extends Pick<TeacherToLoad, "name" | "features"> {
  readonly predictors: readonly Predictor[];
}

/** The TensorFlow side of a teacher node: runs in the worker thread, or in a test's own thread. */
export class TeacherEngine implements TeacherCompute {
  readonly #datasets = new Map<string, Dataset>();
  readonly #teachers = new Map<string, LoadedTeacher>();
  readonly #backend: ReturnType<typeof chooseBackend>;
  #interrupted = false;

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

  async load(teacher: TeacherToLoad): Promise<LogitAgreement | null> {
    const { labelling, name, model, bytes, classes, inputShape, features, compute, dataHash } = teacher;
    const settings = await this.#settings(compute);
    if (this.#teachers.has(labelling)) return null;
    const models = model.folds === undefined ? [bytes] : unpackFolds(bytes, model.folds);
    const predictors: Predictor[] = [];
    let agreement: LogitAgreement | null = null;
    try {
      for (const one of models) {
        const predictor = await loadTeacherModel(model, one, inputShape, settings);
        predictors.push(predictor);
        const expected = model.classes?.length ?? classes;
        if (predictor.classes === expected) continue;
        const seen = predictor.classes;
        const what = model.classes ? `it is to know ${expected} classes` : `the data has ${expected} classes`;
        throw new ClassCountMismatch(`Cannot use teacher "${name}" as ${what}: its output has ${seen}`, {
          fields: { teacher: name, expected, seen },
        });
      }
      const [first] = predictors;
      const dataset = this.#dataset(dataHash);
      const ids = dataset.splits.validation.subarray(0, COMPARED);
      if (model.mapping.quantise && first && ids.length > 0) {
        const of = models[0] as Uint8Array;
        agreement = await quantisationAgreement(first, model, of, dataset, ids, settings);
      }
    } catch (error) {
      for (const predictor of predictors) await predictor.close();
      throw error;
    }
    const known = model.classes;
    this.#teachers.set(labelling, {
      name,
      features,
      predictors: known ? predictors.map((one) => spreadClasses(one, known, classes)) : predictors,
    });
    return agreement;
  }

  async unload(labelling: string): Promise<void> {
    const predictors = this.#teachers.get(labelling)?.predictors ?? [];
    this.#teachers.delete(labelling);
    for (const predictor of predictors) await predictor.close();
  }

  async predict(
    labelling: string,
    dataHash: string,
    shard: number,
    rows: Uint32Array,
    view?: View,
  ): Promise<Float32Array> {
    const loaded = this.#teachers.get(labelling);
    if (!loaded) throw new StillhouseError(`Cannot predict with labelling ${labelling}: it is not loaded`);
    const { predictors, features, name } = loaded;
    const dataset = this.#dataset(dataHash);
    const [only, ...others] = predictors as [Predictor, ...Predictor[]];
    // A teacher of folds has no features.
    if (others.length > 0) return predictByFold(predictors, dataset, shard, rows, view);
    return predictRows(only, features, name, dataset, shard, rows, view);
  }

  probe(labelling: string, dataHash: string, shard: number, rows: Uint32Array): Promise<Float32Array> {
    return this.predict(labelling, dataHash, shard, rows);
  }

  async train(task: TeacherTraining, hooks: TrainingHooks): Promise<TrainedModel> {
    this.#interrupted = false;
    const settings = await this.#settings(task.compute);
    return trainTeacher(task, this.#dataset(task.dataHash), settings, {
      ...hooks,
      isInterrupted: () => this.#interrupted,
    });
  }

  async interrupt(): Promise<void> {
    this.#interrupted = true;
  }

  async close(): Promise<void> {
    for (const labelling of [...this.#teachers.keys()]) await this.unload(labelling);
  }

  async #settings(spec: ComputeSpec): Promise<ComputeSettings> {
    return computeSettings(await this.#backend, spec, "teacher");
  }

  #dataset(hash: string): Dataset {
    const dataset = this.#datasets.get(hash);
    if (!dataset) throw new StillhouseError(`Cannot compute on data ${hash}: it was not opened here`);
    return dataset;
  }
}
