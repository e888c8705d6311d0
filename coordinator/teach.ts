import { resolve } from "node:path";
import type { Bus } from "../shared/bus/bus.ts";
import { clearFaults } from "../shared/cluster/faults.ts";
import type { ModelMapping } from "../shared/config/modelFileSpec.ts";
import type {
  ImportedTeacherSpec,
  LoadedTeacherSpec,
  TeacherSpec,
  TrainedTeacherSpec,
} from "../shared/config/spec.ts";
import type { Fold } from "../shared/data/folds.ts";
import { contentHash, sha256 } from "../shared/determinism/hash.ts";
import { StillhouseError } from "../shared/errors.ts";
import { packFolds } from "../shared/model/foldBundle.ts";
import { readModelFile } from "../shared/model/modelFile.ts";
import { decode, encode } from "../shared/protocol/codec.ts";
import { labellingHash, RECIPE_VERSION } from "../shared/protocol/identifiers.ts";
import { TrainedTeacher } from "../shared/protocol/jobs.ts";
import { ownMapping, type RunRecord, type RunTeacher, type TeacherModel } from "../shared/protocol/run.ts";
import { buckets, streams, trainWorkSubject } from "../shared/protocol/subjects.ts";
import { TrainTeacher } from "../shared/protocol/work.ts";
import type { CoordinatorContext } from "./context.ts";
import { importTeacher } from "./importTeacher.ts";

/** What a trained teacher's weights are a function of. Its name is part of it, as its random streams start there. */
export function recipeOf(
  { name, model, train }: TrainedTeacherSpec,
  dataHash: string,
  fold: Fold | undefined,
): string {
  return contentHash({ name, model, train, data: dataHash, version: RECIPE_VERSION, fold });
}

/** The run's teachers before any is there. */
export function plannedTeachers(specs: readonly TeacherSpec[], dataHash: string): RunTeacher[] {
  return specs.map((spec) => {
    const { name } = spec;
    if ("train" in spec) {
      const recipes = foldsOf(spec).map((fold) => recipeOf(spec, dataHash, fold));
      return { name, source: "trained", recipes, ready: null };
    }
    return { name, source: "labels" in spec ? "imported" : "loaded", recipes: [], ready: null };
  });
}

/** The trainings of a teacher: one without folds, or one a fold. */
function foldsOf({ crossFit }: TrainedTeacherSpec): (Fold | undefined)[] {
  if (crossFit === undefined) return [undefined];
  return Array.from({ length: crossFit }, (_, index) => ({ index, of: crossFit }));
}

/**
 * Gets every teacher of the run: from the store when its recipe was trained before, by a work item for the teacher
 * nodes otherwise, from its files when the spec names files, or as labels alone. Each is written into the run's record
 * as soon as it is there. Resolves when all are, or when `signal` aborts.
 */
export async function getTeachers(context: CoordinatorContext, signal: AbortSignal): Promise<void> {
  const { bus, store } = context;
  const missing = store.record.teachers.flatMap((teacher, place) => (teacher.ready ? [] : [place]));
  const found = async (place: number, teacher: RunTeacher): Promise<void> => {
    // A fault of an earlier run with the same labels; from the change on, a new one is this run's.
    if (teacher.ready) await clearFaults(bus, [`labelling.${teacher.ready.labelling}`]);
    await store.change(({ teachers }) => ({
      teachers: teachers.map((old, i) => (i === place ? teacher : old)),
    }));
  };
  await Promise.all(
    missing.map(async (place) => {
      const planned = store.record.teachers[place] as RunTeacher;
      const spec = store.record.spec.teachers[place] as TeacherSpec;
      const teacher =
        "train" in spec
          ? await trained(bus, store.record, spec, planned, signal)
          : "labels" in spec
            ? await imported(context, spec, planned, signal)
            : await loaded(bus, store.record, spec, planned);
      if (teacher) await found(place, teacher);
    }),
  );
}

async function trained(
  bus: Bus,
  record: RunRecord,
  spec: TrainedTeacherSpec,
  planned: RunTeacher,
  signal: AbortSignal,
): Promise<RunTeacher | undefined> {
  const found = await Promise.all(
    foldsOf(spec).map((fold, place) => {
      const recipe = planned.recipes[place] as string;
      return trainedOnce(bus, record, spec, fold, recipe, signal);
    }),
  );
  const answers = found.filter((one) => one !== undefined);
  const [first] = answers;
  if (!first || answers.length < found.length) return undefined;
  const source = answers.every(({ reused }) => reused) ? "reused" : "trained";
  const { features, quantise } = spec;
  const mapping: ModelMapping = {
    ...ownMapping,
    ...(features && { features }),
    ...(quantise && { quantise }),
  };
  const own = { format: "stillhouse", mapping } as const;
  if (spec.crossFit === undefined) {
    return ready({ ...planned, source }, record.spec.labels, {
      model: { artifact: first.artifact, ...own },
      parameters: first.parameters,
      bytes: first.artifactBytes,
    });
  }
  const bundle = await bundleFolds(bus, spec, answers);
  return ready({ ...planned, source }, record.spec.labels, {
    model: { artifact: bundle.artifact, ...own, folds: spec.crossFit },
    parameters: answers.reduce((sum, { parameters }) => sum + parameters, 0),
    bytes: bundle.bytes,
  });
}

/** One training of a teacher: found where its recipe is known, else asked for. */
async function trainedOnce(
  bus: Bus,
  { spec, data }: RunRecord,
  { model, train, name }: TrainedTeacherSpec,
  fold: Fold | undefined,
  recipe: string,
  signal: AbortSignal,
): Promise<(TrainedTeacher & { reused: boolean }) | undefined> {
  const known = await storedTeacher(bus, recipe);
  if (known) return { ...known, reused: true };
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const task: TrainTeacher = {
    type: "train-teacher",
    recipe,
    name,
    model,
    train,
    data,
    compute: spec.compute,
    fold: fold ?? null,
  };
  await queue.publish(trainWorkSubject(recipe), encode(TrainTeacher, task));
  const answer = await firstAnswer(bus, recipe, signal);
  return answer && { ...answer, reused: false };
}

/** The models of all folds as one object, so that one digest stands for the teacher. */
async function bundleFolds(
  bus: Bus,
  { name }: TrainedTeacherSpec,
  folds: readonly TrainedTeacher[],
): Promise<{ artifact: string; bytes: number }> {
  const weights = await bus.objects(buckets.weights);
  const models: Uint8Array[] = [];
  for (const { artifact } of folds) {
    const model = await weights.get(artifact);
    if (!model) {
      throw new StillhouseError(
        `Cannot bundle the folds of teacher "${name}" as its model ${artifact} is not in the object store`,
        { fields: { teacher: name, artifact } },
      );
    }
    models.push(model);
  }
  const bytes = packFolds(models);
  const artifact = sha256(bytes);
  await weights.put(artifact, bytes);
  return { artifact, bytes: bytes.byteLength };
}

/** The teacher that an earlier run trained by this recipe; one whose model is gone is forgotten, to be trained again. */
async function storedTeacher(bus: Bus, recipe: string): Promise<TrainedTeacher | undefined> {
  const recipes = await bus.kv(buckets.recipes);
  const entry = await recipes.get(recipe);
  if (!entry) return undefined;
  const known = decode(TrainedTeacher, entry.value, `trained teacher ${recipe}`);
  if (await (await bus.objects(buckets.weights)).get(known.artifact)) return known;
  await recipes.delete(recipe);
  return undefined;
}

async function firstAnswer(
  bus: Bus,
  recipe: string,
  signal: AbortSignal,
): Promise<TrainedTeacher | undefined> {
  const recipes = await bus.kv(buckets.recipes);
  for await (const { value } of recipes.watch(recipe, signal)) {
    if (value) return decode(TrainedTeacher, value, `trained teacher ${recipe}`);
  }
  return undefined;
}

async function loaded(
  bus: Bus,
  { spec, data }: RunRecord,
  { model }: LoadedTeacherSpec,
  planned: RunTeacher,
): Promise<RunTeacher> {
  const { format, path, ...mapping } = model;
  const { bytes, parameters } = await readModelFile(format, resolve(data.baseDir, path), path);
  const artifact = sha256(bytes);
  await (await bus.objects(buckets.weights)).put(artifact, bytes);
  return ready(planned, spec.labels, {
    model: { artifact, format, mapping },
    parameters,
    bytes: bytes.byteLength,
  });
}

async function imported(
  context: CoordinatorContext,
  spec: ImportedTeacherSpec,
  planned: RunTeacher,
  signal: AbortSignal,
): Promise<RunTeacher> {
  const { identity, labelling, output, bytes } = await importTeacher(context, spec, signal);
  return { ...planned, ready: { identity, labelling, model: null, output, parameters: 0, bytes } };
}

function ready(
  teacher: RunTeacher,
  { encoding, chunkSize }: RunRecord["spec"]["labels"],
  found: { model: TeacherModel; parameters: number; bytes: number },
): RunTeacher {
  // Inner tensors that a spec names add to what a teacher tells, and change none of its labels.
  const { features: _features, ...mapping } = found.model.mapping;
  const identity = contentHash({ ...found.model, mapping });
  const labelling = labellingHash({ identity, encoding, chunkSize });
  return { ...teacher, ready: { identity, labelling, output: found.model.mapping.output, ...found } };
}
