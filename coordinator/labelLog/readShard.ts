import type { WriteOnceLog } from "../../shared/bus/bus.ts";
import { chunkCount, type PartRange } from "../../shared/data/chunks.ts";
import type { Dataset, Shard } from "../../shared/data/dataset.ts";
import { StillhouseError } from "../../shared/errors.ts";
import { checkedLabels, WrongLabels } from "../../shared/labels/checkedLabels.ts";
import { type ChunkLayout, chunkLayout } from "../../shared/labels/layout.ts";
import type { RowLayout } from "../../shared/labels/rowLayout.ts";
import { parseLabelsSubject } from "../../shared/protocol/subjects.ts";

/** One part of a chunk, checked and not yet decoded. */
export interface LoggedPart {
  /** Of the shard, in the part's order. */
  readonly rows: Uint32Array;
  /** Of the whole chunk, in its order, and the part's place there: features may relate to all of it. */
  readonly of: { readonly rows: Uint32Array; readonly from: number };
  readonly payload: Uint8Array;
}

/** Whose labels, of which shard, and how they are cut and stored. */
export interface ShardLabels {
  readonly dataset: Dataset;
  /** Its place in the dataset. */
  readonly shard: number;
  readonly chunkSize: number;
  readonly row: RowLayout;
}

/**
 * Reads the messages that match one after the other, each held against its subject.
 * @param onWrong takes a message that is not what its subject promises; absent: it is thrown
 * @throws WrongLabels, MalformedMessage, and the reason of `signal` when it aborts
 */
export async function* readParts(
  log: WriteOnceLog,
  filter: string,
  { dataset, shard, chunkSize, row }: ShardLabels,
  signal: AbortSignal,
  onWrong: (error: StillhouseError) => void = (error) => {
    throw error;
  },
): AsyncGenerator<LoggedPart> {
  const layouts = new Map<number, ChunkLayout>();
  const { hash, rows } = dataset.shards[shard] as Shard;
  const layoutOf = (chunk: number): ChunkLayout => {
    const known = layouts.get(chunk) ?? chunkLayout({ shard: { hash, rows }, chunkSize, chunk, ...row });
    // Parts of a chunk follow on each other mostly: only the last few layouts are worth keeping.
    if (layouts.size > 16) layouts.clear();
    layouts.set(chunk, known);
    return known;
  };
  for await (const { subject, data } of log.read(filter, signal, { until: "now" })) {
    let read: LoggedPart;
    try {
      read = partOf(subject, data, layoutOf, chunkCount(rows, chunkSize), row);
    } catch (error) {
      if (!(error instanceof StillhouseError)) throw error;
      onWrong(error);
      continue;
    }
    yield read;
  }
  signal.throwIfAborted();
}

function partOf(
  subject: string,
  data: Uint8Array,
  layoutOf: (chunk: number) => ChunkLayout,
  chunks: number,
  row: RowLayout,
): LoggedPart {
  const { chunk, part } = parseLabelsSubject(subject);
  if (chunk >= chunks) {
    throw new WrongLabels(
      `Cannot use labels at ${subject} as its shard has ${chunks} chunks: it is chunk ${chunk}`,
    );
  }
  const layout = layoutOf(chunk);
  const { payload } = checkedLabels({ subject, data }, layout, row);
  const [from, to] = layout.parts[part] as PartRange;
  return { rows: layout.rows.slice(from, to), of: { rows: layout.rows, from }, payload };
}
