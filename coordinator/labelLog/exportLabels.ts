import type { WriteOnceLog } from "../../shared/bus/bus.ts";
import type { Dataset, Shard } from "../../shared/data/dataset.ts";
import { NpzWriter } from "../../shared/data/npzWriter.ts";
import { taskOf } from "../../shared/data/targets.ts";
import { labelledViews } from "../../shared/data/views/viewSchedule.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { HALF_MAX, toHalf } from "../../shared/labels/half.ts";
import { decodeLogits } from "../../shared/labels/rowCodec.ts";
import { bytesOfFloats } from "../../shared/model/bytes.ts";
import { shardLabelsFilter } from "../../shared/protocol/subjects.ts";
import { writeSampleArrays } from "./exportArrays.ts";
import type { LogTeacher } from "./findTeachers.ts";
import { type LabelNeeds, type NeededChunk, neededChunks, presentRows } from "./neededChunks.ts";
import { readParts } from "./readShard.ts";

/** The log has not all labels that are to be exported. */
export class LabelsMissing extends StillhouseError {}

const PIECE_ROWS = 1024;

export interface ExportLabelsOptions {
  readonly log: WriteOnceLog;
  readonly dataset: Dataset;
  readonly spec: LabelNeeds;
  readonly teacher: LogTeacher;
  /** Number of the view; absent: 0, the samples themselves. */
  readonly view?: number;
  /** Whether samples without labels are left out; else they are an error. */
  readonly partial: boolean;
  readonly type: "float32" | "float16";
  /** Of the file, as the user has it. */
  readonly path: string;
  /** Of logits that are held at once; absent: 256 MiB. */
  readonly windowBytes?: number;
  readonly signal: AbortSignal;
  onProgress?(done: number, total: number): void;
}

export interface ExportedLabels {
  readonly samples: number;
  /** Samples of the chunks that the data needs. */
  readonly needed: number;
  readonly bytes: number;
}

/**
 * Writes a teacher's labels of the log into one NPZ file, decoded, in the order of their ids: `logits` (of regression
 * `values`) [samples, classes], and what `exportArrays.ts` lists. Of the logits a window is held at once.
 * @throws LabelsMissing, WrongLabels, MalformedMessage, NpzUnwritable; the reason of `signal` when it aborts. No file is left then
 */
export async function exportLabels(options: ExportLabelsOptions): Promise<ExportedLabels> {
  const { log, dataset, spec, teacher, partial, type, path, view = 0, signal } = options;
  const { chunkSize } = spec.labels;
  const all = await neededChunks(log, dataset, spec, teacher, signal);
  const chunks = all.filter((chunk) => chunk.view === view);
  const viewHash = requireView(chunks, view, spec);
  const { rows, samples, needed } = presentRows(dataset, chunkSize, chunks);
  if (samples === 0 || (samples < needed && !partial)) {
    throw new LabelsMissing(
      `Cannot export the labels of teacher "${teacher.name}" as the log has ${samples} of ${needed} samples under labelling ${teacher.labelling} (${dataset.name}, view ${view}, chunks of ${chunkSize}): ${samples === 0 ? "expected some; let a run of this spec label them" : "expected all; let a run of this spec come to its end, or take what there is with --partial"}`,
      { fields: { teacher: teacher.name, labelling: teacher.labelling, samples, needed } },
    );
  }
  const writer = new NpzWriter(path);
  try {
    writeSampleArrays(writer, dataset, rows, view, {
      teacher: teacher.name,
      ...{
        identity: teacher.identity,
        labelling: teacher.labelling,
        view: { number: view, hash: viewHash },
      },
      ...{
        encoding: teacher.encoding,
        chunkSize,
        type,
        samples,
        complete: samples === needed,
      },
    });
    const { classes } = dataset;
    const name = taskOf(dataset) === "regression" ? "values" : "logits";
    writer.begin(name, type === "float16" ? "<f2" : "<f4", [samples, classes]);
    await writeLogits(writer, rows, samples, { ...options, viewHash });
    writer.finish();
    return { samples, needed, bytes: writer.bytes };
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

/** @returns its hash @throws LabelsMissing for a view that teachers do not label */
function requireView(chunks: readonly NeededChunk[], view: number, spec: LabelNeeds): string {
  const [first] = chunks;
  if (first) return first.viewHash;
  const views = labelledViews(spec);
  throw new LabelsMissing(
    `Cannot export labels of view ${view} as teachers of this spec label ${views === 1 ? "view 0 alone, the samples themselves" : `views 0 to ${views - 1}`}; choose one of these`,
    { fields: { view, views } },
  );
}

async function writeLogits(
  writer: NpzWriter,
  rows: readonly Uint32Array[],
  samples: number,
  of: ExportLabelsOptions & { readonly viewHash: string },
): Promise<void> {
  const { dataset, type, windowBytes = 256 * 2 ** 20, onProgress } = of;
  const { classes } = dataset;
  const most = Math.max(1, Math.floor(windowBytes / (4 * classes)));
  let done = 0;
  for (const [shard, present] of rows.entries()) {
    for (let from = 0; from < present.length; from += most) {
      const window = present.subarray(from, from + most);
      const before = done;
      const logits = await readWindow(shard, window, of, (read) => onProgress?.(before + read, samples));
      // In pieces, as the bytes of the whole would be as large again.
      for (let row = 0; row < window.length; row += PIECE_ROWS) {
        const rowsOf = window.subarray(row, row + PIECE_ROWS);
        const piece = logits.subarray(row * classes, (row + rowsOf.length) * classes);
        writer.write(type === "float16" ? halves(piece, classes, rowsOf) : bytesOfFloats(piece));
      }
      done += window.length;
    }
  }
}

/** Logits of rows of a shard, ascending: [rows.length, classes]. */
async function readWindow(
  shard: number,
  rows: Uint32Array,
  { log, dataset, spec, teacher, viewHash, signal }: ExportLabelsOptions & { readonly viewHash: string },
  onRead: (rows: number) => void,
): Promise<Float32Array> {
  const { classes } = dataset;
  const { hash, rows: shardRows } = dataset.shards[shard] as Shard;
  const place = new Int32Array(shardRows).fill(-1);
  rows.forEach((row, i) => {
    place[row] = i;
  });
  const row = { encoding: teacher.encoding, classes, features: teacher.features };
  const logits = new Float32Array(rows.length * classes);
  const met = new Uint8Array(rows.length);
  let read = 0;
  const filter = shardLabelsFilter({ labelling: teacher.labelling, shard: hash, view: viewHash });
  const of = { dataset, shard, chunkSize: spec.labels.chunkSize, row };
  for await (const part of readParts(log, filter, of, signal)) {
    if (!part.rows.some((one) => (place[one] as number) >= 0)) continue;
    const said = decodeLogits(row, part.payload);
    part.rows.forEach((one, i) => {
      const at = place[one] as number;
      if (at < 0) return;
      read += 1 - (met[at] as number);
      logits.set(said.subarray(i * classes, (i + 1) * classes), at * classes);
      met[at] = 1;
    });
    onRead(read);
  }
  const gone = met.indexOf(0);
  if (gone < 0) return logits;
  throw new LabelsMissing(
    `Cannot export the labels of teacher "${teacher.name}" as those of row ${rows[gone]} of shard ${hash} have gone from the log since it was listed; export again`,
    { fields: { teacher: teacher.name, shard: hash, row: rows[gone] } },
  );
}

/** The same numbers in half precision. @throws StillhouseError for a number that it cannot hold */
function halves(logits: Float32Array, classes: number, rows: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(2 * logits.length);
  const view = new DataView(bytes.buffer);
  logits.forEach((value, i) => {
    if (Math.abs(value) > HALF_MAX) {
      throw new StillhouseError(
        `Cannot export row ${rows[Math.floor(i / classes)]} class ${i % classes} in float16 as it is ${value}: expected a number within ±${HALF_MAX}; export with --type float32`,
        { fields: { value } },
      );
    }
    view.setUint16(2 * i, toHalf(value), true);
  });
  return bytes;
}
