import type { Bus } from "../shared/bus/bus.ts";
import type { Clock } from "../shared/bus/clock.ts";
import { whenRoom } from "../shared/bus/whenRoom.ts";
import type { LabelFileSpec } from "../shared/config/labelFileSpec.ts";
import type { Dataset, Shard } from "../shared/data/dataset.ts";
import { dispatchOrder } from "../shared/data/order.ts";
import { requireCoverage } from "../shared/labels/coverage.ts";
import { type ImportedLabels, importedLabels } from "../shared/labels/importedLabels.ts";
import { readLabelFile } from "../shared/labels/labelFile.ts";
import { labelMessage } from "../shared/labels/labelMessage.ts";
import { chunkLayout } from "../shared/labels/layout.ts";
import { probeRows } from "../shared/labels/probeRows.ts";
import { bytesOfFloats } from "../shared/model/bytes.ts";
import { encode } from "../shared/protocol/codec.ts";
import { labellingHash, PLAIN_VIEW } from "../shared/protocol/identifiers.ts";
import { ImportedTeacher } from "../shared/protocol/imports.ts";
import type { StoredEncoding } from "../shared/protocol/storedEncoding.ts";
import { buckets, importKeys, parseLabelsSubject, streams } from "../shared/protocol/subjects.ts";
import { findMissing, type MissingChunk } from "./missingLabels.ts";

export interface ImportOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  /** Who writes the labels. */
  readonly node: string;
  readonly dataset: Dataset;
  /** How they are stored, and in which chunks. */
  readonly labels: { readonly encoding: StoredEncoding; readonly chunkSize: number };
  readonly signal: AbortSignal;
  onNotice(text: string): void;
  onProgress?(done: number, total: number): void;
}

/** What an import has found and done. */
export interface Imported {
  readonly teacher: ImportedTeacher;
  /** Chunks of the data, and how many of them the log lacked. */
  readonly chunks: number;
  readonly appended: number;
}

/**
 * Puts the labels of a file into the label log, under an identity that derives from them: what the log has already
 * stays, so that an import which was cut off goes on.
 * @param baseDir folder to which the file's path is relative
 * @throws BadLabelFile, NpyError, NpzError before anything is written; UnusableLogits for what the encoding cannot hold
 */
export async function importLabels(
  source: LabelFileSpec,
  baseDir: string,
  options: ImportOptions,
): Promise<Imported> {
  const { bus, clock, dataset, labels, signal } = options;
  const { encoding, chunkSize } = labels;
  const file = await readLabelFile(source, baseDir);
  const imported = importedLabels(file, source, dataset);
  requireCoverage(imported, dataset, chunkSize);

  const { identity, output, samples, bytes } = imported;
  const labelling = labellingHash({ identity, encoding, chunkSize });
  const log = await bus.log(streams.labels.name, streams.labels.filter);
  const { chunks } = await findMissing(log, dataset, labels, [PLAIN_VIEW], [{ labelling, encoding }], signal);
  const onWait = (error: Error): void => options.onNotice(`import waits for room: ${error.message}`);
  for (const [done, chunk] of chunks.entries()) {
    for (const message of messagesOf(imported, chunk, options)) {
      await whenRoom(() => log.append(message.subject, message.data), clock, signal, onWait);
    }
    signal.throwIfAborted();
    options.onProgress?.(done + 1, chunks.length);
  }
  const [first] = dataset.shards as [Shard];
  const probed = probeRows(first, dataset.classes);
  const teacher: ImportedTeacher = {
    type: "imported-teacher",
    identity,
    labelling,
    encoding,
    chunkSize,
    output,
    file: source.path,
    samples,
    bytes,
    probe: {
      shard: first.hash,
      shape: [probed.length, dataset.classes],
      logits: bytesOfFloats(imported.logitsOf(0, probed)),
    },
    importedAtMs: clock.now(),
    data: {
      name: dataset.name,
      hash: dataset.hash,
      shards: dataset.shards.map(({ hash, rows }) => ({ hash, rows })),
    },
  };
  const imports = await bus.kv(buckets.imports);
  await imports.put(importKeys.labelling(identity, labelling), encode(ImportedTeacher, teacher));
  return { teacher, chunks: dispatchOrder(dataset, chunkSize).length, appended: chunks.length };
}

/** The messages that the log lacks of a chunk. */
function* messagesOf(
  imported: ImportedLabels,
  { key, parts }: MissingChunk,
  { dataset, labels: { encoding, chunkSize }, node }: ImportOptions,
) {
  const shardIndex = dataset.shards.findIndex(({ hash }) => hash === key.shard);
  const shard = dataset.shards[shardIndex] as Shard;
  const { classes } = dataset;
  const layout = chunkLayout({ shard, chunkSize, chunk: key.chunk, classes, encoding });
  for (const subject of parts.keys()) {
    const { part } = parseLabelsSubject(subject);
    const rows = layout.rows.slice(...(layout.parts[part] as readonly [number, number]));
    const values = imported.logitsOf(shardIndex, rows);
    const what = `chunk ${key.chunk} of shard ${key.shard} with "${imported.file}"`;
    yield labelMessage({ key, part, rows, values, layout: { classes, encoding, features: [] }, node, what });
  }
}
