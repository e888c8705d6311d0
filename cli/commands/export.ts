import { resolve } from "node:path";
import type { Bus } from "../../shared/bus/bus.ts";
import { connectNats } from "../../shared/bus/nats.ts";
import { readRun } from "../../shared/cluster/runRecords.ts";
import { chooseBackend } from "../../shared/compute/backend.ts";
import { exportOnnx, onnxNames } from "../../shared/compute/exportOnnx.ts";
import type { LoadedModel } from "../../shared/compute/predictors/openPredictor.ts";
import { loadModel } from "../../shared/compute/predictors/teacherModel.ts";
import { studentsOf } from "../../shared/config/students.ts";
import { sha256 } from "../../shared/determinism/hash.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { unpackModel } from "../../shared/model/artifact.ts";
import { unpackFolds } from "../../shared/model/foldBundle.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { baselineOf, JobResult, jobName, studentJob } from "../../shared/protocol/jobs.ts";
import { ownMapping, type RunRecord, type TeacherModel } from "../../shared/protocol/run.ts";
import { buckets, jobKeys } from "../../shared/protocol/subjects.ts";
import { chooseBus, type ServerChoice, withServer } from "../local/chooseBus.ts";
import { writeWhole } from "../local/files.ts";
import { runOf } from "../local/outFolder.ts";
import { credentialsOf } from "../openBus.ts";
import { stopSignals } from "../stopSignals.ts";

export interface ExportOptions extends ServerChoice {
  creds?: string;
  format: "onnx";
  out?: string;
  student?: string;
  seed?: number;
  baseline?: boolean;
  teacher?: string;
  fold?: number;
}

/** There is no such model to export. */
export class NothingToExport extends StillhouseError {}

/**
 * `stillhouse export RUN --format onnx`: writes a model of a run to a file that others open.
 * @param source id of a run, or the folder that was its --out
 */
export async function exportModel(source: string, options: ExportOptions): Promise<number> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const run = runOf(source);
  const place = await chooseBus({ ...options, bus: "nats" }, say);
  if (place.kind === "memory") throw new RangeError("A server was asked for, and the memory bus was chosen");
  return withServer(place, options, say, stopSignals(), async (url) => {
    const bus = await connectNats({ url, name: `export of ${run}`, ...credentialsOf(options.creds) });
    try {
      const stored = await findModel(bus, run, options);
      const file = resolve(options.out ?? `${run}-${stored.what}.onnx`);
      await writeOnnx(file, run, stored);
      return 0;
    } finally {
      await bus.close();
    }
  });
}

/** A model as it lies in the object store. */
interface StoredModel {
  what: string;
  model: TeacherModel;
  bytes: Uint8Array;
}

async function findModel(bus: Bus, run: string, options: ExportOptions): Promise<StoredModel> {
  const record = await readRun(bus, run);
  return options.teacher === undefined
    ? studentOf(bus, record, options)
    : teacherOf(bus, record, options.teacher, options.fold);
}

async function teacherOf(
  bus: Bus,
  { run, teachers }: RunRecord,
  name: string,
  fold: number | undefined,
): Promise<StoredModel> {
  const model = teachers.find((teacher) => teacher.name === name)?.ready?.model;
  if (model) {
    const bytes = await objectOf(bus, model.artifact, `teacher ${name}`);
    return foldOf({ what: name, model, bytes }, fold);
  }
  const ready = teachers.filter((teacher) => teacher.ready?.model).map((teacher) => teacher.name);
  throw new NothingToExport(
    `Cannot export teacher "${name}" of run ${run}: its teachers that are there are [${ready.join(", ")}]`,
    { fields: { run, teacher: name, ready } },
  );
}

/** A cross-fitted teacher is several models, of which a file holds one. */
function foldOf(stored: StoredModel, fold: number | undefined): StoredModel {
  const { what, model, bytes } = stored;
  const { folds, ...rest } = model;
  if (folds === undefined && fold === undefined) return stored;
  if (folds === undefined || fold === undefined || fold < 1 || fold > folds) {
    throw new NothingToExport(
      folds === undefined
        ? `Cannot export fold ${fold} of teacher "${what}" as it is not cross-fitted; leave --fold out`
        : `Cannot export teacher "${what}" without one of its folds as it is cross-fitted: expected --fold 1 to ${folds}, got ${fold ?? "none"}`,
      { fields: { teacher: what, folds: folds ?? null, fold: fold ?? null } },
    );
  }
  const one = unpackFolds(bytes, folds)[fold - 1] as Uint8Array;
  return { what: `${what}-fold-${fold}`, model: { ...rest, artifact: sha256(one) }, bytes: one };
}

async function studentOf(
  bus: Bus,
  { run, spec, state }: RunRecord,
  { student: name, seed, baseline }: ExportOptions,
): Promise<StoredModel> {
  const one = studentsOf(spec).find((known) => known.name === name);
  if (!one) {
    const names = (spec.moreStudents ?? []).map((known) => known.name);
    throw new NothingToExport(
      `Cannot export student "${name}" of run ${run}: its moreStudents are [${names.join(", ")}]; leave --student out for its own`,
      { fields: { run, student: name, names } },
    );
  }
  const own = studentJob(name, seed ?? (one.seeds[0] as number));
  const job = baseline ? baselineOf(spec, own) : own;
  const what = jobName(job);
  const entry = await (await bus.kv(buckets.jobs)).get(jobKeys.result(run, what));
  if (!entry) {
    throw new NothingToExport(
      `Cannot export ${what} of run ${run}, which is ${state}: it has no such model (yet); its seeds are [${one.seeds.join(", ")}], and it ${spec.baseline ? "trains" : "does not train"} students alone`,
      { fields: { run, job: what } },
    );
  }
  const { artifact } = decode(JobResult, entry.value, `job result ${what}`);
  const model: TeacherModel = { artifact, format: "stillhouse", mapping: ownMapping };
  return { what, model, bytes: await objectOf(bus, artifact, what) };
}

async function objectOf(bus: Bus, artifact: string, what: string): Promise<Uint8Array> {
  const bytes = await (await bus.objects(buckets.weights)).get(artifact);
  if (bytes) return bytes;
  throw new NothingToExport(`Cannot export ${what}: its model ${artifact} is not in the object store`);
}

async function writeOnnx(file: string, run: string, { what, model, bytes }: StoredModel): Promise<void> {
  const { artifact, format, mapping } = model;
  if (format === "onnx") {
    writeWhole(file, bytes);
    process.stdout.write(
      `${what} of ${run}\n  ${file}, ${(bytes.length / 1e6).toFixed(2)} MB, as it was given\n`,
    );
    return;
  }
  if (format === "saved-model") {
    throw new NothingToExport(
      `Cannot export ${what} as ONNX: it is a SavedModel, whose operators TensorFlow alone knows; tf2onnx, of the ONNX project, converts the folder that the spec names`,
      { fields: { model: what, format } },
    );
  }
  await chooseBackend({ prefer: "compiled" });
  const arch = format === "stillhouse" ? unpackModel(bytes).arch : undefined;
  const loaded: LoadedModel = await loadModel(format, mapping, bytes);
  try {
    const about = { "stillhouse.run": run, "stillhouse.model": what, "stillhouse.artifact": artifact };
    const tokens = arch?.arch === "transformer" ? arch.vocabulary : undefined;
    const exported = await exportOnnx(loaded, about, tokens);
    writeWhole(file, exported.bytes);
    const { inputShape, classes, samples, largestDifference } = exported;
    process.stdout.write(
      [
        `${what} of ${run}`,
        `  ${file}, ${(exported.bytes.length / 1e6).toFixed(2)} MB, ONNX`,
        `  input   ${onnxNames.inputs}, float32 [batch, ${inputShape.join(", ")}]`,
        `  output  ${onnxNames.logits}, float32 [batch, ${classes}]`,
        `  checked on ${samples} samples: at most ${largestDifference.toExponential(1)} from TensorFlow.js`,
        "",
      ].join("\n"),
    );
  } finally {
    loaded.dispose();
  }
}
