import type { Bus } from "../shared/bus/bus.ts";
import { clearFaults } from "../shared/cluster/faults.ts";
import { releaseQuarantined } from "../shared/cluster/quarantine.ts";
import type { ImportedTeacherSpec, LoadedTeacherSpec, TeacherSpec } from "../shared/config/teacherSpec.ts";
import { sha256 } from "../shared/determinism/hash.ts";
import { planFeatures } from "../shared/distill/features/planFeatures.ts";
import type { RunRecord, RunTeacher } from "../shared/protocol/run.ts";
import { buckets, labelWorkFilter } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";
import { fileTeacher } from "./fileTeacher.ts";
import { importTeacher } from "./importTeacher.ts";
import { type CarriedLabels, carriedLabels } from "./readyTeacher.ts";
import { studentTeacher } from "./studentTeacher.ts";
import { recipesOf, trainedTeacher } from "./trainedTeacher.ts";

/** The run's teachers before any is there. */
export function plannedTeachers(specs: readonly TeacherSpec[], dataHash: string): RunTeacher[] {
  return specs.map((spec) => {
    const { name } = spec;
    if ("train" in spec) {
      return { name, source: "trained", recipes: recipesOf(spec, dataHash), ready: null };
    }
    const source = "labels" in spec ? "imported" : "student" in spec ? "student" : "loaded";
    return { name, source, recipes: [], ready: null };
  });
}

/**
 * Gets every teacher of the run: from the store when its recipe was trained before, by a work item for the teacher
 * nodes otherwise, from its files when the spec names files, as labels alone, or as a student of an earlier run. Each is written into the run's record
 * as soon as it is there. Resolves when all are, or when `signal` aborts.
 */
export async function getTeachers(context: CoordinatorContext, signal: AbortSignal): Promise<void> {
  const { bus, store, dataset } = context;
  const { layouts } = planFeatures(store.record.spec, dataset);
  const missing = store.record.teachers.flatMap((teacher, place) => (teacher.ready ? [] : [place]));
  const found = async (place: number, teacher: RunTeacher): Promise<void> => {
    // A fault of an earlier run with the same labels; from the change on, a new one is this run's.
    if (teacher.ready) {
      await clearFaults(bus, [`labelling.${teacher.ready.labelling}`]);
      await releaseQuarantined(bus, context.clock, [labelWorkFilter(teacher.ready.labelling)]);
    }
    await store.change(({ teachers }) => ({
      teachers: teachers.map((old, i) => (i === place ? teacher : old)),
    }));
  };
  await Promise.all(
    missing.map(async (place) => {
      const planned = store.record.teachers[place] as RunTeacher;
      const spec = store.record.spec.teachers[place] as TeacherSpec;
      const carried = carriedLabels(store.record.spec, place, layouts[place] ?? []);
      const teacher =
        "train" in spec
          ? await trainedTeacher(context, spec, planned, carried, signal)
          : "labels" in spec
            ? await imported(context, place, spec, planned, signal)
            : "student" in spec
              ? await studentTeacher(bus, store.record, spec, planned, carried)
              : await loaded(bus, store.record, spec, planned, carried);
      if (teacher) await found(place, teacher);
    }),
  );
}

async function loaded(
  bus: Bus,
  { data }: RunRecord,
  teacher: LoadedTeacherSpec,
  planned: RunTeacher,
  carried: CarriedLabels,
): Promise<RunTeacher> {
  const read = await fileTeacher(data.baseDir, teacher, planned, carried);
  await (await bus.objects(buckets.weights)).put(sha256(read.bytes), read.bytes);
  return read.teacher;
}

async function imported(
  context: CoordinatorContext,
  place: number,
  spec: ImportedTeacherSpec,
  planned: RunTeacher,
  signal: AbortSignal,
): Promise<RunTeacher> {
  const { identity, labelling, encoding, output, bytes } = await importTeacher(context, place, spec, signal);
  return {
    ...planned,
    ready: { identity, labelling, encoding, model: null, output, features: [], parameters: 0, bytes },
  };
}
