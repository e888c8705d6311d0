import type { WriteOnceLog } from "../../shared/bus/bus.ts";
import { chunkCount, chunkParts, type PartRange } from "../../shared/data/chunks.ts";
import { messageOf } from "../../shared/errors.ts";
import { type RowLayout, rowBytes } from "../../shared/labels/rowLayout.ts";
import { decode } from "../../shared/protocol/codec.ts";
import { PLAIN_VIEW } from "../../shared/protocol/identifiers.ts";
import { Labels } from "../../shared/protocol/labels.ts";
import type { StoredEncoding } from "../../shared/protocol/storedEncoding.ts";
import { labelsSubject } from "../../shared/protocol/subjects.ts";
import type { KnownLabels, LabellingUse } from "./known.ts";
import type { LabelGroup } from "./survey.ts";

/** Labels of one shard, as one teacher sees one view of it. */
export interface ListedShard {
  readonly shard: string;
  /** "plain": the samples themselves. */
  readonly view: string;
  /** Hash and name of each dataset that has the shard, as far as records tell. */
  readonly data: readonly { readonly hash: string; readonly name: string }[];
  readonly messages: number;
  readonly bytes: number;
  readonly newestMs: number;
  /** Null where nobody knows how many rows the shard has, or the chunk size. */
  readonly chunks: { readonly complete: number; readonly partial: number; readonly of: number } | null;
  readonly samples: number | null;
}

export interface ListedLabelling {
  readonly labelling: string;
  /** What runs and imports call the teacher; empty where none knows it. */
  readonly names: readonly string[];
  readonly identity: string | null;
  readonly imported: string | null;
  readonly encoding: StoredEncoding | null;
  readonly classes: number | null;
  readonly features: readonly string[];
  readonly chunkSize: number | null;
  readonly uses: readonly LabellingUse[];
  readonly messages: number;
  readonly bytes: number;
  readonly shards: readonly ListedShard[];
  /** Why a message of it cannot be read. */
  readonly problem: string | null;
}

/**
 * What a survey of the log means: whose labels these are, of what, and how far each chunk is there. One message of each
 * labelling is read, and the subjects of chunks that lack a part.
 */
export async function listLabels(
  log: WriteOnceLog,
  groups: readonly LabelGroup[],
  known: KnownLabels,
): Promise<ListedLabelling[]> {
  const byLabelling = new Map<string, LabelGroup[]>();
  for (const group of groups) {
    byLabelling.set(group.labelling, [...(byLabelling.get(group.labelling) ?? []), group]);
  }
  const listed: ListedLabelling[] = [];
  for (const [labelling, of] of byLabelling) {
    const record = known.labellings.get(labelling);
    const { row, problem } = await rowOf(log, of[0] as LabelGroup);
    const chunkSize = record?.chunkSize ?? null;
    const shards: ListedShard[] = [];
    for (const group of of) shards.push(await shardOf(log, group, known, row, chunkSize));
    listed.push({
      labelling,
      names: [...(record?.names ?? [])].sort(),
      identity: record?.identity ?? null,
      imported: record?.imported ?? null,
      encoding: row?.encoding ?? record?.encoding ?? null,
      classes: row?.classes ?? null,
      features: row?.features.map(({ of: source, form }) => `${source} ${form}`) ?? [],
      chunkSize,
      uses: record?.uses ?? [],
      messages: sum(of.map(({ messages }) => messages)),
      bytes: sum(of.map(({ bytes }) => bytes)),
      shards,
      problem,
    });
  }
  return listed.sort((a, b) => b.bytes - a.bytes);
}

/** What a row holds, by what a message says of itself. */
async function rowOf(
  log: WriteOnceLog,
  { example }: LabelGroup,
): Promise<{ row: RowLayout | null; problem: string | null }> {
  const message = await log.get(example);
  if (!message) return { row: null, problem: `"${example}" has gone while the log was listed` };
  try {
    const { shape, encoding, features = [] } = decode(Labels, message, `labels at ${example}`);
    return { row: { encoding, classes: shape[1], features }, problem: null };
  } catch (error) {
    return { row: null, problem: messageOf(error) };
  }
}

async function shardOf(
  log: WriteOnceLog,
  group: LabelGroup,
  known: KnownLabels,
  row: RowLayout | null,
  chunkSize: number | null,
): Promise<ListedShard> {
  const { shard, view, messages, bytes, newestMs } = group;
  const record = known.shards.get(shard);
  const whole =
    row && record && chunkSize ? await chunksOf(log, group, record.rows, rowBytes(row), chunkSize) : null;
  return {
    shard,
    view: view === PLAIN_VIEW ? "plain" : view,
    data: [...(record?.data ?? [])].map(([hash, name]) => ({ hash, name })),
    ...{ messages, bytes, newestMs },
    chunks: whole?.chunks ?? null,
    samples: whole?.samples ?? null,
  };
}

async function chunksOf(
  log: WriteOnceLog,
  { parts, ...key }: LabelGroup,
  rows: number,
  bytesPerRow: number,
  chunkSize: number,
): Promise<{ chunks: NonNullable<ListedShard["chunks"]>; samples: number }> {
  let [complete, partial, samples] = [0, 0, 0];
  for (const [chunk, seen] of parts) {
    const length = Math.min(chunkSize, rows - chunk * chunkSize);
    // Beyond the end of the shard no sample is; a reader refuses such a message.
    if (length <= 0) continue;
    const ranges = chunkParts(length, bytesPerRow);
    if (seen >= ranges.length) {
      complete++;
      samples += length;
      continue;
    }
    partial++;
    const subjects = ranges.map((_, part) => labelsSubject({ ...key, chunk }, part));
    for (const subject of await log.existing(subjects)) {
      const [from, to] = ranges[subjects.indexOf(subject)] as PartRange;
      samples += to - from;
    }
  }
  return { chunks: { complete, partial, of: chunkCount(rows, chunkSize) }, samples };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
