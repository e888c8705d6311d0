import { resolve } from "node:path";
import type { Bus } from "../shared/bus/bus.ts";
import { clearFaults } from "../shared/cluster/faults.ts";
import type { LoadedTeacherSpec, TeacherSpec, TrainedTeacherSpec } from "../shared/config/spec.ts";
import { contentHash, sha256 } from "../shared/determinism/hash.ts";
import { readModelFile } from "../shared/model/modelFile.ts";
import { decode, encode } from "../shared/protocol/codec.ts";
import { labellingHash, RECIPE_VERSION } from "../shared/protocol/identifiers.ts";
import { TrainedTeacher } from "../shared/protocol/jobs.ts";
import { ownMapping, type RunRecord, type RunTeacher, type TeacherModel } from "../shared/protocol/run.ts";
import { buckets, streams, trainWorkSubject } from "../shared/protocol/subjects.ts";
import { TrainTeacher } from "../shared/protocol/work.ts";
import type { RunStore } from "./runStore.ts";

/** What a trained teacher's weights are a function of. Its name is part of it, as its random streams start there. */
export function recipeOf({ name, model, train }: TrainedTeacherSpec, dataHash: string): string {
  return contentHash({ name, model, train, data: dataHash, version: RECIPE_VERSION });
}

/** The run's teachers before any is there. */
export function plannedTeachers(specs: readonly TeacherSpec[], dataHash: string): RunTeacher[] {
  return specs.map((spec) =>
    "train" in spec
      ? { name: spec.name, source: "trained", recipe: recipeOf(spec, dataHash), ready: null }
      : { name: spec.name, source: "loaded", recipe: null, ready: null },
  );
}

/**
 * Gets every teacher of the run: from the store when its recipe was trained before, by a work item for the teacher
 * nodes otherwise, from its files when the spec names files. Each is written into the run's record as soon as it is
 * there. Resolves when all are, or when `signal` aborts.
 */
export async function getTeachers(bus: Bus, store: RunStore, signal: AbortSignal): Promise<void> {
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
          : await loaded(bus, store.record, spec, planned);
      if (teacher) await found(place, teacher);
    }),
  );
}

async function trained(
  bus: Bus,
  { spec, data }: RunRecord,
  { model, train, name }: TrainedTeacherSpec,
  planned: RunTeacher,
  signal: AbortSignal,
): Promise<RunTeacher | undefined> {
  const recipe = planned.recipe as string;
  const known = await storedTeacher(bus, recipe);
  if (!known) {
    const queue = await bus.workQueue(streams.work.name, streams.work.filter);
    const task: TrainTeacher = {
      type: "train-teacher",
      recipe,
      name,
      model,
      train,
      data,
      compute: spec.compute,
    };
    await queue.publish(trainWorkSubject(recipe), encode(TrainTeacher, task));
  }
  const answer = known ?? (await firstAnswer(bus, recipe, signal));
  if (!answer) return undefined;
  return ready({ ...planned, source: known ? "reused" : "trained" }, spec.labels, {
    model: { artifact: answer.artifact, format: "stillhouse", mapping: ownMapping },
    parameters: answer.parameters,
    bytes: answer.artifactBytes,
  });
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

function ready(
  teacher: RunTeacher,
  { encoding, chunkSize }: RunRecord["spec"]["labels"],
  found: { model: TeacherModel; parameters: number; bytes: number },
): RunTeacher {
  const identity = contentHash(found.model);
  return {
    ...teacher,
    ready: { identity, labelling: labellingHash({ identity, encoding, chunkSize }), ...found },
  };
}
