import type { LabelFileSpec } from "../config/labelFileSpec.ts";
import { definedFor } from "../config/tasks.ts";
import { type Dataset, rowOf, type Shard, sampleId, shardOf } from "../data/dataset.ts";
import { taskOf } from "../data/targets.ts";
import { contentHash, sha256 } from "../determinism/hash.ts";
import { encodeLogits } from "./encoding.ts";
import { BadLabelFile, type LabelFile } from "./labelFile.ts";
import { toLogit } from "./toLogit.ts";

/** What stands between the numbers of a file and logits of the data's classes. */
export type LabelMapping = Pick<LabelFileSpec, "probabilityFloor" | "columns">;

/** A file of labels, held against the data: a teacher with an identity and no model. */
export interface ImportedLabels extends Pick<LabelFile, "file" | "bytes" | "output"> {
  readonly identity: string;
  readonly samples: number;
  has(shard: number, row: number): boolean;
  /**
   * Logits of rows that are all there.
   * @returns [rows.length, classes]
   */
  logitsOf(shard: number, rows: Uint32Array): Float32Array;
}

/** How far the probabilities of a sample may be from summing to 1: float16, and printed decimals, round them. */
const SUM_TOLERANCE = 0.01;

/**
 * Holds a file of labels against the data they are said to be of.
 * @throws BadLabelFile for ids that are not the data's or come twice, another number of classes, numbers that are not
 *   finite, and probabilities that are none
 */
export function importedLabels(file: LabelFile, mapping: LabelMapping, dataset: Dataset): ImportedLabels {
  const columns = mapping.columns ?? Array.from({ length: file.columns }, (_, column) => column);
  requireOutput(file, dataset);
  requireColumns(file, columns, mapping, dataset);
  const places = placesOf(file, dataset);
  const logitOf = toLogit(file.output, mapping.probabilityFloor);

  const logitsOf = (shard: number, rows: Uint32Array): Float32Array => {
    const logits = new Float32Array(rows.length * columns.length);
    rows.forEach((row, i) => {
      const start = (places[shard]?.[row] as number) * file.columns;
      for (let c = 0; c < columns.length; c++) {
        logits[i * columns.length + c] = logitOf(file.at(start + (columns[c] as number)));
      }
    });
    return logits;
  };
  requireNumbers(file, places);
  return {
    file: file.file,
    bytes: file.bytes,
    output: file.output,
    samples: file.rows,
    identity: identityOf(file, mapping, columns.length, dataset.shards, places, logitsOf),
    has: (shard, row) => (places[shard]?.[row] ?? -1) >= 0,
    logitsOf,
  };
}

/**
 * The same for the same logits of the same inputs, whatever the file's format, types and order of rows: a shard is told
 * by the hash of its inputs. What the numbers were before is a part of it, as the report tells it.
 */
function identityOf(
  { file, output }: LabelFile,
  { probabilityFloor }: LabelMapping,
  classes: number,
  shards: readonly Shard[],
  places: readonly Int32Array[],
  logitsOf: ImportedLabels["logitsOf"],
): string {
  const said = shards.flatMap(({ hash }, shard) => {
    const of = places[shard] as Int32Array;
    const rows = Uint32Array.from(of.keys()).filter((row) => (of[row] as number) >= 0);
    if (rows.length === 0) return [];
    const bytes = new Uint8Array(rows.length * 4);
    const view = new DataView(bytes.buffer);
    rows.forEach((row, i) => {
      view.setUint32(i * 4, row, true);
    });
    const logits = encodeLogits("float32", logitsOf(shard, rows), classes, `shard ${shard} by "${file}"`);
    return [{ shard: hash, rows: sha256(bytes), logits: sha256(logits) }];
  });
  const floor = output === "probabilities" || output === "sigmoids" ? { probabilityFloor } : {};
  return contentHash({ kind: "imported labels", output, ...floor, classes, said });
}

function requireOutput({ file, output }: LabelFile, dataset: Dataset): void {
  const task = taskOf(dataset);
  const { outputs } = definedFor[task];
  if (outputs.includes(output)) return;
  throw bad(file, `it holds ${output}, and data.task is "${task}"; expected one of [${outputs.join(", ")}]`, {
    output,
    task,
  });
}

function requireColumns(
  { file, columns: seen }: LabelFile,
  columns: readonly number[],
  { columns: mapped }: LabelMapping,
  { classes }: Dataset,
): void {
  const beyond = mapped?.find((column) => column >= seen);
  if (beyond !== undefined) {
    throw bad(
      file,
      `the spec's columns name column ${beyond}, and it has ${seen}; expected 0 to ${seen - 1}`,
      {
        column: beyond,
      },
    );
  }
  if (columns.length === classes) return;
  throw bad(
    file,
    mapped
      ? `the spec's columns name ${columns.length} columns, and the data has ${classes} classes; expected one for each class`
      : `it has ${seen} columns, and the data has ${classes} classes; expected as many, or columns in the spec that name one for each class`,
    { columns: columns.length, classes },
  );
}

/** For each row of each shard, the row of the file that labels it, -1 where none does. */
function placesOf(file: LabelFile, { shards }: Dataset): Int32Array[] {
  const places = shards.map(({ rows }) => new Int32Array(rows).fill(-1));
  const { ids } = file;
  if (!ids) {
    const total = shards.reduce((sum, { rows }) => sum + rows, 0);
    if (file.rows !== total) {
      throw bad(
        file.file,
        `it has ${file.rows} rows without ids, and the data has ${total} samples; expected all of them in the data's order (those to train on first), or ids that tell the sample of each row`,
        { rows: file.rows, samples: total },
      );
    }
    let next = 0;
    for (const of of places) for (let row = 0; row < of.length; row++) of[row] = next++;
    return places;
  }
  const unknown: string[] = [];
  const repeated: string[] = [];
  for (let i = 0; i < file.rows; i++) {
    const id = ids.at(i);
    const of = id >= 0 && Number.isSafeInteger(id) ? places[shardOf(id)] : undefined;
    const row = rowOf(id);
    if (!of || row >= of.length) unknown.push(`${id} in row ${i}`);
    else if ((of[row] as number) >= 0) repeated.push(`${id} in rows ${of[row]} and ${i}`);
    else of[row] = i;
  }
  if (unknown.length > 0) {
    const known = shards.map(({ rows }, shard) => `${sampleId(shard, 0)} to ${sampleId(shard, rows - 1)}`);
    throw bad(
      file.file,
      `${unknown.length} of its ids are of no sample of the data: ${first(unknown)}; expected ids from ${known.join(", or from ")}`,
      { unknown: unknown.length },
    );
  }
  if (repeated.length > 0) {
    throw bad(
      file.file,
      `${repeated.length} of its ids come again: ${first(repeated)}; expected each sample once`,
      { repeated: repeated.length },
    );
  }
  return places;
}

/** Every number of the file, also of columns that are not used: what is wrong there is wrong elsewhere too. */
function requireNumbers(
  { file, output, columns, ids, rows, at }: LabelFile,
  places: readonly Int32Array[],
): void {
  const sample = (row: number): string => `row ${row} (sample ${ids ? ids.at(row) : idAt(places, row)})`;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let column = 0; column < columns; column++) {
      const value = at(row * columns + column);
      sum += value;
      if (!Number.isFinite(Math.fround(value))) {
        throw bad(file, `${sample(row)} column ${column} is ${value}; expected finite ${output}`, {
          row,
          column,
        });
      }
      if ((output === "probabilities" || output === "sigmoids") && (value < 0 || value > 1 + SUM_TOLERANCE)) {
        throw bad(
          file,
          `${sample(row)} column ${column} is ${value}; expected a probability, or output: logits`,
          {
            row,
            column,
          },
        );
      }
    }
    if (output === "probabilities" && Math.abs(sum - 1) > SUM_TOLERANCE) {
      throw bad(
        file,
        `the probabilities of ${sample(row)} sum to ${sum.toPrecision(6)}; expected 1, within ${SUM_TOLERANCE}`,
        { row, sum },
      );
    }
  }
}

function idAt(places: readonly Int32Array[], place: number): number {
  const shard = places.findIndex((of) => of.includes(place));
  return sampleId(shard, (places[shard] as Int32Array).indexOf(place));
}

/** The first few of a list, for people. */
function first(all: readonly string[]): string {
  return all.slice(0, 3).join(", ") + (all.length > 3 ? ", ..." : "");
}

function bad(file: string, why: string, fields: Record<string, unknown>): BadLabelFile {
  return new BadLabelFile(`Cannot use the labels of "${file}": ${why}`, { fields: { file, ...fields } });
}
