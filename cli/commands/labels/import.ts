import { basename } from "node:path";
import { type Imported, importLabels } from "../../../coordinator/importLabels.ts";
import { systemClock } from "../../../shared/bus/clock.ts";
import { encodingOf } from "../../../shared/config/encodingOf.ts";
import type { EncodingSpec } from "../../../shared/config/encodingSpec.ts";
import { LabelFileSpec } from "../../../shared/config/labelFileSpec.ts";
import { loadSpec } from "../../../shared/config/load.ts";
import type { RunSpec } from "../../../shared/config/spec.ts";
import { openDataset } from "../../../shared/data/open.ts";
import { StillhouseError } from "../../../shared/errors.ts";
import { encodingText } from "../../../shared/labels/encodingText.ts";
import { nodeId } from "../../nodeId.ts";
import { count } from "../../view/numbers.ts";
import { Progress } from "../../view/progress.ts";
import { onServer, type StoreChoice } from "../onServer.ts";

export interface ImportFileOptions extends StoreChoice {
  data: string;
  output?: "logits" | "probabilities";
  ids?: string;
  floor?: number;
  columns?: number[];
  /** Of the spec: whose encoding the labels get. */
  teacher?: string;
}

/** Options that no file of labels can be read with. */
export class BadImportOptions extends StillhouseError {}

/**
 * `stillhouse labels import FILE --data SPEC`: puts labels that were made elsewhere into the label log, and prints the
 * teacher that they are. Cut off, the same command goes on.
 */
export async function importFile(path: string, options: ImportFileOptions): Promise<number> {
  const source = sourceOf(path, options);
  const { spec, baseDir } = await loadSpec(options.data);
  const place = placeOf(spec, options.teacher);
  const labels = { encoding: encodingOf(spec, place).stored, chunkSize: spec.labels.chunkSize };
  // What differs from the spec's encoding has to stand beside the teacher.
  const own = place === undefined ? undefined : spec.teachers[place]?.encoding;
  const dataset = await openDataset(spec.data, baseDir);
  const node = nodeId("import");
  return onServer(options, node, "The same command goes on.", async ({ bus, signal, say }) => {
    const progress = new Progress("import", "chunks/s");
    const imported = await importLabels(source, process.cwd(), {
      bus,
      clock: systemClock,
      node,
      dataset,
      labels,
      signal,
      onNotice: say,
      onProgress: (done, total) => progress.update(done, total),
    }).finally(() => progress.end());
    process.stdout.write(`${toldOf(imported, dataset.name, own)}\n`);
    return 0;
  });
}

/** @throws BadImportOptions for a name that the spec does not have */
function placeOf(spec: RunSpec, teacher: string | undefined): number | undefined {
  if (teacher === undefined) return undefined;
  const names = spec.teachers.map(({ name }) => name);
  const place = names.indexOf(teacher);
  if (place >= 0) return place;
  throw new BadImportOptions(
    `Cannot import labels for teacher "${teacher}": the spec has [${names.join(", ")}]; name one of them, or none`,
    { fields: { teacher, names } },
  );
}

function sourceOf(path: string, { output, ids, floor, columns }: ImportFileOptions): LabelFileSpec {
  const parsed = LabelFileSpec.safeParse({ path, output, ids, probabilityFloor: floor, columns });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new BadImportOptions(`Cannot import "${path}": ${problems.join("; ")}`, {
    fields: { path, problems },
  });
}

function toldOf(
  { teacher, chunks, appended }: Imported,
  data: string,
  own: EncodingSpec | undefined,
): string {
  const n = count;
  const { file, samples, output, identity, encoding, chunkSize } = teacher;
  const name = basename(file)
    .replace(/\.np[yz]$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return [
    `${basename(file)}  ${output} of ${n(samples)} samples of ${data}`,
    `  identity    ${identity}`,
    `  label log   ${n(chunks)} chunks of ${n(chunkSize)} as ${encodingText(encoding)}, ${n(chunks - appended)} of them were there`,
    "",
    "teachers:",
    `  - name: ${name || "imported"}`,
    `    labels: { identity: ${JSON.stringify(identity)} }`,
    ...(own === undefined ? [] : [`    encoding: ${JSON.stringify(own)}`]),
  ].join("\n");
}
