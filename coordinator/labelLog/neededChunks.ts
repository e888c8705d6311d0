import type { WriteOnceLog } from "../../shared/bus/bus.ts";
import type { RunSpec } from "../../shared/config/spec.ts";
import { chunkParts, chunkRows, type PartRange } from "../../shared/data/chunks.ts";
import type { Dataset, Shard } from "../../shared/data/dataset.ts";
import { labelOrder } from "../../shared/data/labelOrder.ts";
import { transferSet } from "../../shared/data/transferSet.ts";
import { labelledViewHashes } from "../../shared/data/views/viewSchedule.ts";
import { rowBytes } from "../../shared/labels/rowLayout.ts";
import { parseLabelsSubject } from "../../shared/protocol/subjects.ts";
import { findMissing, type Labelling } from "../missingLabels.ts";

/** What of a spec says which labels it needs. */
export type LabelNeeds = Pick<RunSpec, "data" | "labels" | "views" | "student">;

/** A chunk of a view that a spec needs the labels of. */
export interface NeededChunk {
  /** Number of the view, 0 for the samples themselves. */
  readonly view: number;
  /** Hash of the view. */
  readonly viewHash: string;
  /** Place of the shard. */
  readonly shard: number;
  readonly chunk: number;
  /** Of the chunk. */
  readonly rows: number;
  /** Which of them the log has, part by part. */
  readonly there: readonly PartRange[];
}

/** Chunk by chunk what a spec needs of one teacher and what the log has of it, in the order of labelling. @throws the reason of `signal` */
export async function neededChunks(
  log: WriteOnceLog,
  dataset: Dataset,
  spec: LabelNeeds,
  labelling: Labelling,
  signal: AbortSignal,
): Promise<NeededChunk[]> {
  const { chunkSize } = spec.labels;
  const seen = transferSet(dataset, spec.data);
  const views = labelledViewHashes(spec, seen);
  const { chunks } = await findMissing(log, seen, spec.labels, views, [labelling], signal);
  const name = (shard: string, view: string, chunk: number): string => `${shard}/${view}/${chunk}`;
  const lacking = new Map(
    chunks.map(({ key, parts }) => [
      name(key.shard, key.view, key.chunk),
      new Set([...parts.keys()].map((subject) => parseLabelsSubject(subject).part)),
    ]),
  );
  const { encoding, features = [] } = labelling;
  const width = rowBytes({ encoding, classes: dataset.classes, features });
  return labelOrder(seen, chunkSize, views.length).map(({ view, shard, chunk }) => {
    const { hash, rows: shardRows } = dataset.shards[shard] as Shard;
    const viewHash = views[view] as string;
    const rows = Math.min(chunkSize, shardRows - chunk * chunkSize);
    const lacks = lacking.get(name(hash, viewHash, chunk));
    const there = chunkParts(rows, width).filter((_, part) => !lacks?.has(part));
    return { view, viewHash, shard, chunk, rows, there };
  });
}

export interface PresentRows {
  /** Of each shard of the data, the rows that the log has labels of, ascending. */
  readonly rows: readonly Uint32Array[];
  readonly samples: number;
  /** Rows of all the chunks. */
  readonly needed: number;
}

/** Which samples of some chunks of one view the log has labels of. */
export function presentRows(
  dataset: Dataset,
  chunkSize: number,
  chunks: readonly NeededChunk[],
): PresentRows {
  const marks = dataset.shards.map(({ rows }) => new Uint8Array(rows));
  let [samples, needed] = [0, 0];
  for (const { shard, chunk, rows, there } of chunks) {
    needed += rows;
    const of = dataset.shards[shard] as Shard;
    const order = chunkRows(of.hash, of.rows, chunkSize, chunk);
    for (const [from, to] of there) {
      for (const row of order.subarray(from, to)) (marks[shard] as Uint8Array)[row] = 1;
      samples += to - from;
    }
  }
  const rows = marks.map((of) => Uint32Array.from(of.keys()).filter((row) => of[row] === 1));
  return { rows, samples, needed };
}
