import { type ByteRow, scaleBytes } from "../compute/simd/scaleBytes.ts";
import { type Dataset, MAX_SHARD_ROWS, rowOf, type Shard, shardOf } from "./dataset.ts";

/** Either kind of list that ids and rows come in. */
export type Ids = ArrayLike<number>;

type Inputs = Pick<Dataset, "shards" | "inputShape" | "inputScale">;

/**
 * The inputs of samples as a model takes them.
 * @param ids sample ids, in any order, repeats allowed
 * @param out written from its start, fastest where it is of an Arena; absent: a new array
 * @param width how many numbers of each sample are taken, from its start; absent: all
 * @returns [ids.length, ...inputShape], or [ids.length, width]; stored values times `inputScale`
 * @throws RangeError for an id that the dataset does not have
 */
export function gatherInputs(
  dataset: Inputs,
  ids: Ids,
  out?: Float32Array,
  width: number = widthOf(dataset),
): Float32Array {
  const rows = out ?? new Float32Array(ids.length * width);
  const { shards, inputScale } = dataset;
  const bytes = shards[0]?.inputs instanceof Uint8Array;
  if (bytes && scaleBytes(byteRows(shards, ids), width, inputScale, rows)) return rows;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    copyRow(dataset, shardOf(id), rowOf(id), width, rows, i * width);
  }
  return rows;
}

function* byteRows(shards: readonly Shard[], ids: Ids): Generator<ByteRow> {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    const found = requireRow(shards, shardOf(id), rowOf(id));
    yield { bytes: found.inputs as Uint8Array, start: startOf(found, rowOf(id)) };
  }
}

/** As `gatherInputs`, for rows of one shard. */
export function gatherRows(dataset: Inputs, shard: number, rows: Ids): Float32Array {
  const width = widthOf(dataset);
  const out = new Float32Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    copyRow(dataset, shard, rows[i] as number, width, out, i * width);
  }
  return out;
}

/** Those of the samples that have a label, in their order. */
export function labelledIds(dataset: Pick<Dataset, "labels">, ids: Uint32Array): Uint32Array {
  const labels = gatherLabels(dataset, ids);
  return ids.filter((_, i) => (labels[i] as number) >= 0);
}

/**
 * The labels of samples, -1 where there is none.
 * @returns [ids.length]
 * @throws RangeError for an id that the dataset does not have
 */
export function gatherLabels(dataset: Pick<Dataset, "labels">, ids: Ids): Int32Array {
  const out = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    const label = dataset.labels[shardOf(id)]?.[rowOf(id)];
    if (label === undefined)
      throw new RangeError(`Cannot gather the label of sample ${id}: there is none such`);
    out[i] = label;
  }
  return out;
}

function widthOf(dataset: Inputs): number {
  return dataset.inputShape.reduce((product, size) => product * size, 1);
}

/** Where a row begins in its shard. */
function startOf({ inputs, rows }: Shard, row: number): number {
  return row * (inputs.length / rows);
}

/** Copies the first `width` numbers of a row. */
function copyRow(
  dataset: Inputs,
  shard: number,
  row: number,
  width: number,
  out: Float32Array,
  at: number,
): void {
  const found = requireRow(dataset.shards, shard, row);
  const { inputs } = found;
  const start = startOf(found, row);
  // One loop a type, so that the compiled code of each reads from one kind of array only.
  if (inputs instanceof Uint8Array) mapBytes(inputs, start, width, tableOf(dataset.inputScale), out, at);
  else scaleFloats(inputs, start, width, dataset.inputScale, out, at);
}

// A byte has 256 values: reading its product from a table is faster than multiplying.
const tables = new Map<number, Float32Array>();

function tableOf(scale: number): Float32Array {
  const table = tables.get(scale) ?? Float32Array.from({ length: 256 }, (_, byte) => byte * scale);
  tables.set(scale, table);
  return table;
}

function mapBytes(
  from: Uint8Array,
  start: number,
  width: number,
  table: Float32Array,
  out: Float32Array,
  at: number,
): void {
  for (let i = 0; i < width; i++) out[at + i] = table[from[start + i] as number] as number;
}

function scaleFloats(
  from: Float32Array,
  start: number,
  width: number,
  scale: number,
  out: Float32Array,
  at: number,
): void {
  if (scale === 1) out.set(from.subarray(start, start + width), at);
  else for (let i = 0; i < width; i++) out[at + i] = (from[start + i] as number) * scale;
}

function requireRow(shards: readonly Shard[], shard: number, row: number): Shard {
  const found = shards[shard];
  if (found === undefined || !(row >= 0 && row < found.rows)) {
    throw new RangeError(
      `Cannot gather row ${row} of shard ${shard} (sample ${shard * MAX_SHARD_ROWS + row}): ` +
        `the dataset has ${shards.length} shards${found ? `, this one of ${found.rows} rows` : ""}`,
    );
  }
  return found;
}
