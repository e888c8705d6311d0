import { encodingOf } from "../shared/config/encodingOf.ts";
import type { ImportedTeacherSpec } from "../shared/config/teacherSpec.ts";
import { StillhouseError } from "../shared/errors.ts";
import { encodingText } from "../shared/labels/encodingText.ts";
import { decode } from "../shared/protocol/codec.ts";
import { labellingHash, PLAIN_VIEW } from "../shared/protocol/identifiers.ts";
import { ImportedTeacher } from "../shared/protocol/imports.ts";
import { buckets, importKeys, streams } from "../shared/protocol/subjects.ts";
import type { CoordinatorContext } from "./context.ts";
import { importLabels } from "./importLabels.ts";
import { findMissing } from "./missingLabels.ts";

/** Labels that a spec names by their identity, and that the log does not have as the run needs them. */
export class LabelsNotImported extends StillhouseError {}

/**
 * A teacher that is labels alone, with all that the run needs of it in the log: imported now from its file, or by an
 * earlier `stillhouse labels import`.
 * @param place its own in the spec
 * @throws LabelsNotImported, BadLabelFile, NpyError, NpzError
 */
export async function importTeacher(
  context: CoordinatorContext,
  place: number,
  { name, labels: source }: ImportedTeacherSpec,
  signal: AbortSignal,
): Promise<ImportedTeacher> {
  const { bus, clock, dataset, node, notice, log } = context;
  const { spec, data } = context.store.record;
  if ("identity" in source) return known(context, place, name, source.identity, signal);
  const labels = { encoding: encodingOf(spec, place).stored, chunkSize: spec.labels.chunkSize };
  const options = { bus, clock, node, dataset, labels, signal, onNotice: notice };
  const { teacher, chunks, appended } = await importLabels(source, data.baseDir, options);
  log.info({ teacher: name, identity: teacher.identity, chunks, appended }, "labels imported");
  return teacher;
}

/**
 * Puts labels from elsewhere back into the log that it has lost since the teacher was there: nobody can compute them.
 * @returns samples of all such teachers
 * @throws LabelsNotImported where the file says something else by now, or there is none
 */
export async function restoreImports(context: CoordinatorContext, signal: AbortSignal): Promise<number> {
  const { bus, dataset, store } = context;
  const { spec, teachers } = store.record;
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  let samples = 0;
  for (const [place, { name, ready }] of teachers.entries()) {
    const source = spec.teachers[place];
    if (!ready || !source || !("labels" in source)) continue;
    const { samplesMissing, samplesNeeded } = await findMissing(
      log,
      dataset,
      spec.labels,
      [PLAIN_VIEW],
      [ready],
      signal,
    );
    samples += samplesNeeded;
    if (samplesMissing === 0) continue;
    const { identity } = await importTeacher(context, place, source, signal);
    if (identity === ready.identity) continue;
    throw new LabelsNotImported(
      `Cannot go on with teacher "${name}" as the log has lost ${samplesMissing} of its labels and its file has changed: its identity is ${identity}, expected ${ready.identity}; put the file back, or start a new run`,
      { fields: { teacher: name, identity, expected: ready.identity } },
    );
  }
  return samples;
}

async function known(
  { bus, dataset, store }: CoordinatorContext,
  place: number,
  name: string,
  identity: string,
  signal: AbortSignal,
): Promise<ImportedTeacher> {
  const { spec } = store.record;
  const { labels } = spec;
  const { chunkSize } = labels;
  const encoding = encodingOf(spec, place).stored;
  const labelling = labellingHash({ identity, encoding, chunkSize });
  const refused = (why: string): LabelsNotImported =>
    new LabelsNotImported(`Cannot use labels ${identity} as teacher "${name}": ${why}`, {
      fields: { teacher: name, identity, labelling },
    });
  const imports = await bus.kv(buckets.imports);
  const entry = await imports.get(importKeys.labelling(identity, labelling));
  if (!entry) {
    const others = await imports.keys(importKeys.identity(identity));
    const told = await Promise.all(others.map(async (key) => (await imports.get(key))?.value));
    const as = told.flatMap((value) => {
      if (!value) return [];
      const other = decode(ImportedTeacher, value, `imported teacher ${identity}`);
      return [`${encodingText(other.encoding)} in chunks of ${other.chunkSize}`];
    });
    const seen = as.length === 0 ? "no such labels" : `them as ${as.join(", and as ")} alone`;
    throw refused(
      `${bus.address} has ${seen}, and the run needs ${encodingText(encoding)} in chunks of ${chunkSize}; ` +
        "import their file with `stillhouse labels import` for this spec and server, or name its path",
    );
  }
  const teacher = decode(ImportedTeacher, entry.value, `imported teacher ${identity}`);
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const { samplesMissing, samplesNeeded } = await findMissing(
    log,
    dataset,
    labels,
    [PLAIN_VIEW],
    [{ labelling, encoding }],
    signal,
  );
  if (samplesMissing > 0) {
    throw refused(
      `the log has labels for ${samplesNeeded - samplesMissing} of the ${samplesNeeded} samples that the run needs, as they were imported for other data or have gone from the log; import "${teacher.file}" again for this spec, or name its path`,
    );
  }
  return teacher;
}
