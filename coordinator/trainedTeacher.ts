import { anySignal } from "../shared/bus/anySignal.ts";
import type { Bus } from "../shared/bus/bus.ts";
import { sleep } from "../shared/bus/clock.ts";
import type { ModelMapping } from "../shared/config/modelFileSpec.ts";
import type { TrainedTeacherSpec } from "../shared/config/teacherSpec.ts";
import type { Fold } from "../shared/data/folds.ts";
import { contentHash, sha256 } from "../shared/determinism/hash.ts";
import { StillhouseError } from "../shared/errors.ts";
import { packFolds } from "../shared/model/foldBundle.ts";
import { decode, encode } from "../shared/protocol/codec.ts";
import { RECIPE_VERSION } from "../shared/protocol/identifiers.ts";
import { TrainedTeacher } from "../shared/protocol/jobs.ts";
import { ownMapping, type RunTeacher } from "../shared/protocol/run.ts";
import { buckets, streams, trainWorkSubject } from "../shared/protocol/subjects.ts";
import { TrainTeacher } from "../shared/protocol/work.ts";
import type { CoordinatorContext } from "./context.ts";
import { RECONCILE_MS } from "./dispatch.ts";
import { queueWhenRoom } from "./queueWhenRoom.ts";
import { type CarriedLabels, readyTeacher } from "./readyTeacher.ts";
import { requireReached } from "./teacherGate.ts";

/** What asking for a training takes. */
type Asking = Pick<CoordinatorContext, "bus" | "clock" | "notice" | "store">;

/** The recipe of each training of a teacher: one, or one a fold. */
export function recipesOf(spec: TrainedTeacherSpec, dataHash: string): string[] {
  return foldsOf(spec).map((fold) => recipeOf(spec, dataHash, fold));
}

/** What a trained teacher's weights are a function of. Its name is part of it, as its random streams start there. */
function recipeOf(
  { name, model, train, classes }: TrainedTeacherSpec,
  dataHash: string,
  fold: Fold | undefined,
): string {
  return contentHash({ name, model, train, data: dataHash, version: RECIPE_VERSION, fold, classes });
}

/** The trainings of a teacher: one without folds, or one a fold. */
function foldsOf({ crossFit }: TrainedTeacherSpec): (Fold | undefined)[] {
  if (crossFit === undefined) return [undefined];
  return Array.from({ length: crossFit }, (_, index) => ({ index, of: crossFit }));
}

/**
 * A teacher that is trained in the run: found in the store where its recipe was trained before, else by a work item for
 * the teacher nodes, one a fold.
 * @param carried by its labels
 * @returns undefined when `signal` aborted first
 */
export async function trainedTeacher(
  context: Asking,
  spec: TrainedTeacherSpec,
  planned: RunTeacher,
  carried: CarriedLabels,
  signal: AbortSignal,
): Promise<RunTeacher | undefined> {
  const { bus, store } = context;
  const found = await Promise.all(
    foldsOf(spec).map((fold, place) => {
      const recipe = planned.recipes[place] as string;
      return trainedOnce(context, spec, fold, recipe, signal);
    }),
  );
  const answers = found.filter((one) => one !== undefined);
  const [first] = answers;
  if (!first || answers.length < found.length) return undefined;
  if (spec.atLeast) requireReached(store.record.run, spec, answers);
  const source = answers.every(({ reused }) => reused) ? "reused" : "trained";
  return ofTrainings(bus, spec, { ...planned, source }, carried, answers);
}

/**
 * The same, of trainings that the store has; nothing is asked for.
 * @returns undefined where it lacks one
 */
export async function storedTeacher(
  bus: Bus,
  spec: TrainedTeacherSpec,
  planned: RunTeacher,
  carried: CarriedLabels,
): Promise<RunTeacher | undefined> {
  const found = await Promise.all(planned.recipes.map((recipe) => storedTraining(bus, recipe)));
  const answers = found.filter((one) => one !== undefined);
  if (answers.length < found.length) return undefined;
  return ofTrainings(bus, spec, { ...planned, source: "reused" }, carried, answers);
}

async function ofTrainings(
  bus: Bus,
  spec: TrainedTeacherSpec,
  planned: RunTeacher,
  carried: CarriedLabels,
  answers: readonly TrainedTeacher[],
): Promise<RunTeacher> {
  const [first] = answers as [TrainedTeacher, ...TrainedTeacher[]];
  const { features, quantise, classes } = spec;
  const mapping: ModelMapping = {
    ...ownMapping,
    ...(features && { features }),
    ...(quantise && { quantise }),
  };
  const own = { format: "stillhouse", mapping, ...(classes && { classes }) } as const;
  if (spec.crossFit === undefined) {
    return readyTeacher(planned, carried, {
      model: { artifact: first.artifact, ...own },
      parameters: first.parameters,
      bytes: first.artifactBytes,
    });
  }
  const bundle = await bundleFolds(bus, spec, answers);
  return readyTeacher(planned, carried, {
    model: { artifact: bundle.artifact, ...own, folds: spec.crossFit },
    parameters: answers.reduce((sum, { parameters }) => sum + parameters, 0),
    bytes: bundle.bytes,
  });
}

/** One training of a teacher: found where its recipe is known, else asked for. */
async function trainedOnce(
  context: Asking,
  { model, train, name, classes }: TrainedTeacherSpec,
  fold: Fold | undefined,
  recipe: string,
  signal: AbortSignal,
): Promise<(TrainedTeacher & { reused: boolean }) | undefined> {
  const { bus } = context;
  const { spec, data } = context.store.record;
  const known = await storedTraining(bus, recipe);
  if (known) return { ...known, reused: true };
  const task: TrainTeacher = {
    type: "train-teacher",
    recipe,
    name,
    model,
    train,
    data,
    compute: spec.compute,
    fold: fold ?? null,
    ...(classes && { classes }),
  };
  const answered = new AbortController();
  const [answer] = await Promise.all([
    firstAnswer(bus, recipe, signal).finally(() => answered.abort()),
    keepQueued(context, task, anySignal(signal, answered.signal)),
  ]);
  return answer && { ...answer, reused: false };
}

/**
 * Queues a training, again and again until `signal` aborts: the server may have lost it, or a node that did not know of
 * the run taken it out.
 */
async function keepQueued(
  { bus, clock, notice }: Asking,
  task: TrainTeacher,
  signal: AbortSignal,
): Promise<void> {
  const queue = await bus.workQueue(streams.work.name, streams.work.filter);
  const work = encode(TrainTeacher, task);
  while (await queueWhenRoom(queue, trainWorkSubject(task.recipe), work, clock, notice, signal)) {
    await sleep(clock, RECONCILE_MS, signal);
  }
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

/** What an earlier run trained by this recipe; one whose model is gone is forgotten, to be trained again. */
async function storedTraining(bus: Bus, recipe: string): Promise<TrainedTeacher | undefined> {
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
