import type { Bus } from "../../shared/bus/bus.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import type { TeacherSpec } from "../../shared/config/teacherSpec.ts";
import type { Dataset } from "../../shared/data/dataset.ts";
import { planFeatures } from "../../shared/distill/features/planFeatures.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { importedLabels } from "../../shared/labels/importedLabels.ts";
import { readLabelFile } from "../../shared/labels/labelFile.ts";
import type { FeatureLayout } from "../../shared/protocol/features.ts";
import { labellingHash } from "../../shared/protocol/identifiers.ts";
import type { RunTeacher, TeacherModel } from "../../shared/protocol/run.ts";
import type { StoredEncoding } from "../../shared/protocol/storedEncoding.ts";
import { buckets } from "../../shared/protocol/subjects.ts";
import { fileTeacher } from "../fileTeacher.ts";
import { type CarriedLabels, carriedLabels } from "../readyTeacher.ts";
import { studentTeacher } from "../studentTeacher.ts";
import { plannedTeachers } from "../teach.ts";
import { storedTeacher } from "../trainedTeacher.ts";

/** A teacher that a spec does not have, or that was never there. */
export class TeacherNotFound extends StillhouseError {}

/** A teacher of a spec, by what its labels lie under. */
export interface LogTeacher {
  readonly name: string;
  readonly identity: string;
  readonly labelling: string;
  /** How its logits are stored. */
  readonly encoding: StoredEncoding;
  /** What its labels carry beside logits. */
  readonly features: readonly FeatureLayout[];
  /** Null for labels from elsewhere, which nobody can compute. */
  readonly model: { readonly of: TeacherModel; readonly bytes: () => Promise<Uint8Array> } | null;
}

/**
 * Finds a spec's teachers without training or importing any: by their recipes in the store, by their files, by their
 * labels.
 * @param baseDir folder to which the spec's paths are relative
 * @param only the name of one of them; absent: all
 * @throws TeacherNotFound, NoSuchStudent, or an error of the file
 */
export async function findTeachers(
  bus: Bus,
  spec: RunSpec,
  baseDir: string,
  dataset: Dataset,
  only?: string,
): Promise<LogTeacher[]> {
  const names = spec.teachers.map(({ name }) => name);
  if (names.length === 0 || (only !== undefined && !names.includes(only))) {
    throw new TeacherNotFound(
      only === undefined
        ? `Cannot look for labels of spec "${spec.name}" as it has no teachers`
        : `Cannot find teacher "${only}" in spec "${spec.name}": expected one of [${names.join(", ")}]`,
      { fields: { teacher: only ?? null, names } },
    );
  }
  const { layouts } = planFeatures(spec, dataset);
  const planned = plannedTeachers(spec.teachers, dataset.hash);
  const found: LogTeacher[] = [];
  for (const [place, teacher] of spec.teachers.entries()) {
    if (only !== undefined && teacher.name !== only) continue;
    const carried = carriedLabels(spec, place, layouts[place] ?? []);
    found.push(
      await findTeacher(bus, spec, baseDir, dataset, teacher, planned[place] as RunTeacher, carried),
    );
  }
  return found;
}

async function findTeacher(
  bus: Bus,
  spec: RunSpec,
  baseDir: string,
  dataset: Dataset,
  teacher: TeacherSpec,
  planned: RunTeacher,
  carried: CarriedLabels,
): Promise<LogTeacher> {
  const { name } = teacher;
  if ("labels" in teacher) {
    const { labels: source } = teacher;
    const { encoding, chunkSize } = carried;
    const identity =
      "identity" in source
        ? source.identity
        : importedLabels(await readLabelFile(source, baseDir), source, dataset).identity;
    const labelling = labellingHash({ identity, encoding, chunkSize });
    return { name, identity, labelling, encoding, features: [], model: null };
  }
  if ("train" in teacher) {
    const stored = await storedTeacher(bus, teacher, planned, carried);
    if (stored) return withModel(bus, stored);
    throw new TeacherNotFound(
      `Cannot find teacher "${name}" of spec "${spec.name}" as ${bus.address} has no weights of its recipe (${planned.recipes.join(", ")}); run the spec first, with this server and this data, or name the --store or --nats where it was run`,
      { fields: { teacher: name, recipes: planned.recipes } },
    );
  }
  if ("student" in teacher) {
    return withModel(bus, await studentTeacher(bus, { spec }, teacher, planned, carried));
  }
  const { teacher: read, bytes } = await fileTeacher(baseDir, teacher, planned, carried);
  return withModel(bus, read, async () => bytes);
}

function withModel(bus: Bus, { name, ready }: RunTeacher, read?: () => Promise<Uint8Array>): LogTeacher {
  if (!ready?.model) throw new RangeError(`Cannot use teacher "${name}": it is not there`);
  const { identity, labelling, encoding, features, model } = ready;
  const stored = async (): Promise<Uint8Array> => {
    const bytes = await (await bus.objects(buckets.weights)).get(model.artifact);
    if (bytes) return bytes;
    throw new TeacherNotFound(
      `Cannot load teacher "${name}" as its model ${model.artifact} is not in the object store of ${bus.address}; run the spec again`,
      { fields: { teacher: name, artifact: model.artifact } },
    );
  };
  return { name, identity, labelling, encoding, features, model: { of: model, bytes: read ?? stored } };
}
